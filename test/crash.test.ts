/** Nothing is lost when the service, the broker or PostgreSQL goes away under load. A stack of its own, to be killed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Database } from "../src/database/database.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import type { Broker } from "../tools/stack/broker.ts";
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";
import { startStack } from "../tools/stack/stack.ts";
import { Judge } from "../tools/torture/judge.ts";
import { until } from "./support/wait.ts";

const crash = suite("crash");
const stack = await startStack("crash", () => {});
const broker = stack.broker;
if (!broker) throw new Error("the crash tests need a NATS Streaming server");
const MIX = { garbage: 0.05, duplicates: 0.05, conflicts: 0.02 };
const RATE = 800;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const database = new Database(stack.environment.DATABASE_URL as string, {
  connectionsMax: 2,
  logger: createLogger("silent"),
});
const judge = new Judge();
const running: ServiceProcess[] = [];

async function start(): Promise<ServiceProcess> {
  const service = await startServiceProcess(stack.environment, stack.folder);
  running.push(service);
  return service;
}

// One that a failed test left would hold the client id that the next one's needs.
crash.after.each(async () => {
  await Promise.all(running.splice(0).map(({ child }) => child.end("SIGKILL")));
});

/** Publishes while the work is done; afterwards everything acknowledged has its outcome and is served as published. */
async function underLoad(
  first: ServiceProcess,
  work: (service: ServiceProcess) => Promise<ServiceProcess>,
): Promise<void> {
  let service = first;
  const calm = new AbortController();
  const before = judge.acknowledged;
  const seed = Math.floor(Math.random() * 2 ** 31);
  const load = judge.publish(broker as Broker, seed, RATE, MIX, calm.signal);
  await until("orders flow", () => judge.acknowledged > before + 200);
  try {
    service = await work(service);
  } finally {
    calm.abort();
    await load;
  }
  assert.equal(await judge.verdict(database, [service.url]), []);
  await service.child.end("SIGTERM");
}

crash("kill -9 of the service at ten random moments", async () =>
  underLoad(await start(), async (first) => {
    let service = first;
    for (let kills = 0; kills < 10; kills++) {
      await pause(100 + Math.random() * 900);
      await service.child.end("SIGKILL");
      service = await start();
    }
    return service;
  }),
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

crash("PostgreSQL is away for twenty seconds", async () =>
  underLoad(await start(), async (service) => {
    await stack.postgres.stop("SIGQUIT");
    const stoppedAt = performance.now();
    await until("readiness says so", async () => (await fetch(`${service.url}/readyz`)).status === 503);
    assert.is((await fetch(`${service.url}/healthz`)).status, 200);
    assert.is((await fetch(`${service.url}/orders`, { method: "POST", body: "x" })).status, 503);
    const unknown = await fetch(`${service.url}/orders/not-in-memory`);
    assert.is(unknown.status, 503);
    assert.ok(unknown.headers.get("retry-after"));
    await pause(20_000 - (performance.now() - stoppedAt));
    await stack.postgres.start();
    await until("ready again", async () => (await fetch(`${service.url}/readyz`)).ok, 40_000);
    return service;
  }),
);

crash("SIGTERM under full load loses nothing, repeats nothing, and takes less than ten seconds", async () =>
  underLoad(await start(), async (first) => {
    let service = first;
    for (let stops = 0; stops < 3; stops++) {
      await pause(500);
      const stopping = performance.now();
      service.child.signal("SIGTERM");
      assert.is(await service.child.ended, 0);
      assert.ok(performance.now() - stopping < 10_000);
      service = await start();
    }
    return service;
  }),
);

crash("a second signal ends the service at once", async () => {
  const service = await start();
  // While it stands still neither is acted upon, so it cannot have stopped in order between the two.
  service.child.signal("SIGSTOP");
  service.child.signal("SIGTERM");
  service.child.signal("SIGINT");
  service.child.signal("SIGCONT");
  assert.is(await service.child.ended, 1);
});

crash("the broker is wiped: what comes afterwards is not taken for what was there before", async () => {
  const service = await start();
  await broker.stop("SIGKILL");
  await broker.wipe();
  await broker.start();
  await underLoad(service, async () => {
    const before = judge.acknowledged;
    await until("orders flow", () => judge.acknowledged > before + 1_000);
    return service;
  });
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

crash.after(async () => {
  await database.close();
  await stack[Symbol.asyncDispose]();
});
crash.run();
