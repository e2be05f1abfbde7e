/** Nothing is lost when the service, the broker or PostgreSQL dies under load; see also test/crash.long.test.ts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../src/domains/index.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import { pause, startCrashStack } from "./support/crash.ts";
import { until } from "./support/wait.ts";

const crash = suite("crash");
const world = await startCrashStack("crash");
const { stack, broker, start, underLoad } = world;

crash.after.each(() => world.killAll());

crash("kill -9 of the service at three random moments", async () =>
  underLoad(await start(), (service) => world.killService(service, 3)),
);

crash("the broker is killed and restarted", async () =>
  underLoad(await start(), async (service) => {
    await broker.stop("SIGKILL");
    await until("readiness says so", async () => {
      const response = await fetch(`${service.url}/readyz`);
      return response.status === 503 && /nats-streaming/.test(await response.text());
    });
    await broker.start();
    await until("the source is back", async () => (await fetch(`${service.url}/readyz`)).ok);
    await pause(1_000);
    return service;
  }),
);

crash("PostgreSQL is killed and restarted", async () =>
  underLoad(await start(), async (service) => {
    await stack.postgres.stop("SIGKILL");
    await until("readiness says so", async () => (await fetch(`${service.url}/readyz`)).status === 503);
    await until("PostgreSQL starts again", () =>
      stack.postgres.start().then(
        () => true,
        // What a killed server leaves behind disappears shortly after.
        () => false,
      ),
    );
    await until("ready again", async () => (await fetch(`${service.url}/readyz`)).ok);
    return service;
  }),
);

crash("SIGTERM under full load loses nothing, repeats nothing, and takes less than ten seconds", async () =>
  underLoad(await start(), async (first) => {
    let service = first;
    for (let stops = 0; stops < 3; stops++) {
      await pause(500);
      service.child.signal("SIGTERM");
      // After nine seconds the process would end itself with status 1.
      assert.is(await service.child.ended, 0);
      service = await start();
    }
    return service;
  }),
);

crash("a second signal ends the service at once", async () => {
  const service = await start();
  // A stopped process handles neither signal, so it cannot have shut down in order between the two.
  service.child.signal("SIGSTOP");
  service.child.signal("SIGTERM");
  service.child.signal("SIGINT");
  service.child.signal("SIGCONT");
  assert.is(await service.child.ended, 1);
});

crash("a database that is not there, or not migrated, is waited for, and readiness says which", async () => {
  await stack.postgres.createDatabase("empty");
  const environment = {
    ...stack.environment,
    DATABASE_URL: stack.postgres.serviceUrl("empty"),
    SOURCES: "http",
    LOG_LEVEL: "info",
  };
  const starting = startServiceProcess({ ...environment, HTTP_PORT: "0" }, stack.folder);
  const { install } = await import("../src/cli/install.ts");
  let isReady = false;
  void starting.then(() => {
    isReady = true;
  });
  await pause(1_500);
  assert.not(isReady);
  const ownerUrl = stack.postgres.ownerUrl("empty");
  await install(ownerUrl, environment.DATABASE_URL, DOMAINS);
  const service = await starting;
  assert.is((await fetch(`${service.url}/readyz`)).status, 200);
  await service.child.end("SIGTERM");
});

crash.after(() => world[Symbol.asyncDispose]());
crash.run();
