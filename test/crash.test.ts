/** Nothing is lost when the service, the broker or PostgreSQL goes away under load. A stack of its own, to be killed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";
import { startStack } from "../tools/stack/stack.ts";
import { JournalledLoad } from "./support/load.ts";
import { auditOf } from "./support/service.ts";
import { until } from "./support/wait.ts";

const crash = suite("crash");
const stack = await startStack("crash", () => {});
const broker = stack.broker;
if (!broker) throw new Error("the crash tests need a NATS Streaming server");
const MIX = { garbage: 0.05, duplicates: 0.05, conflicts: 0.02 };
const RATE = 800;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Everything that was acknowledged to the publisher has its outcome, and every order is served as it was published. */
async function assertNothingLost(url: string, load: JournalledLoad, expected: number): Promise<void> {
  await until(
    "everything acknowledged is processed",
    async () => {
      const { received, pending } = await auditOf(url).catch(() => ({ received: 0, pending: 1 }));
      return received >= expected && pending === 0;
    },
    90_000,
  );
  const sum = await auditOf(url);
  assert.ok(sum.holds, `discrepancies: ${sum.discrepancies}`);
  assert.is(sum.projected + sum.duplicate + sum.dead, sum.received);
  assert.equal(await load.missing(url), []);
}

let received = 0;

async function underLoad(work: (service: ServiceProcess) => Promise<ServiceProcess>): Promise<void> {
  let service = await startServiceProcess(stack.environment, stack.folder);
  const load = new JournalledLoad(stack.environment, RATE, MIX);
  await until("orders flow", () => load.acknowledged > 200);
  service = await work(service);
  await load.stop();
  await assertNothingLost(service.url, load, received + load.acknowledged);
  received = (await auditOf(service.url)).received;
  assert.ok(load.orders > 100);
  await service.child.end("SIGTERM");
}

crash("kill -9 of the service at ten random moments", () =>
  underLoad(async (first) => {
    let service = first;
    for (let kills = 0; kills < 10; kills++) {
      await pause(100 + Math.random() * 900);
      await service.child.end("SIGKILL");
      service = await startServiceProcess(stack.environment, stack.folder);
    }
    return service;
  }),
);

crash("the broker is killed and restarted", () =>
  underLoad(async (service) => {
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

crash("PostgreSQL is away for twenty seconds", () =>
  underLoad(async (service) => {
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

crash("SIGTERM under full load loses nothing, repeats nothing, and takes less than ten seconds", () =>
  underLoad(async (first) => {
    let service = first;
    for (let stops = 0; stops < 3; stops++) {
      await pause(500);
      const stopping = performance.now();
      service.child.signal("SIGTERM");
      assert.is(await service.child.ended, 0);
      assert.ok(performance.now() - stopping < 10_000);
      service = await startServiceProcess(stack.environment, stack.folder);
    }
    return service;
  }),
);

crash("a second signal ends the service at once", async () => {
  const service = await startServiceProcess(stack.environment, stack.folder);
  // Without its database it would wait for it up to its deadline.
  await stack.postgres.stop("SIGQUIT");
  service.child.signal("SIGTERM");
  service.child.signal("SIGINT");
  assert.is(await service.child.ended, 1);
  await stack.postgres.start();
});

crash("the broker is wiped: what comes afterwards is not taken for what was there before", async () => {
  const service = await startServiceProcess(stack.environment, stack.folder);
  await broker.stop("SIGKILL");
  await broker.wipe();
  await broker.start();
  const load = new JournalledLoad(stack.environment, RATE, MIX);
  await until("orders flow", () => load.acknowledged > 1_000);
  await load.stop();
  await assertNothingLost(service.url, load, received + load.acknowledged);
  assert.is((await auditOf(service.url)).received, received + load.acknowledged);
  await service.child.end("SIGTERM");
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
  const { install } = await import("../src/install.ts");
  let isReady = false;
  void starting.then(() => {
    isReady = true;
  });
  await pause(1_500);
  assert.not(isReady);
  const ownerUrl = stack.postgres.ownerUrl("empty");
  await install(ownerUrl, environment.DATABASE_URL);
  const service = await starting;
  assert.is((await fetch(`${service.url}/readyz`)).status, 200);
  await service.child.end("SIGTERM");
});

crash.after(async () => stack[Symbol.asyncDispose]());
crash.run();
