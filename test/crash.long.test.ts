/** Nothing is lost when the service, the broker or PostgreSQL dies under load, at length. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pause, startCrashStack } from "./support/crash.ts";
import { until } from "./support/wait.ts";

const crash = suite("crash at length");
const world = await startCrashStack("crash-at-length");
const { stack, broker, judge, start, underLoad } = world;

crash.after.each(() => world.killAll());

crash("kill -9 of the service at ten random moments", async () =>
  underLoad(await start(), (service) => world.killService(service, 10)),
);

crash("the source is paused under load, the service killed and restarted, and the source resumed", async () =>
  underLoad(await start(), async (first) => {
    const decide = async (url: string, action: string) => {
      const { status } = await fetch(`${url}/sources/orders/nats-streaming/${action}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ author: "ann", reason: "a test" }),
      });
      assert.is(status, 200);
    };
    const isPaused = async (url: string) => {
      const { sources } = (await (await fetch(`${url}/status.json`)).json()) as {
        sources: { source: string; connected: boolean; paused: boolean; appended: number }[];
      };
      return sources.some(
        ({ source, connected, paused }) => source === "nats-streaming" && paused && !connected,
      );
    };
    let service = first;
    for (let round = 0; round < 3; round++) {
      await decide(service.url, "pause");
      // Also in the middle of pausing.
      if (round > 0) await until("it is paused", () => isPaused(service.url));
      await service.child.end("SIGKILL");
      service = await start();
      await until("the restarted process keeps it paused", () => isPaused(service.url));
      const before = judge.acknowledged;
      await until("more messages wait at the broker", () => judge.acknowledged > before + 500);
      assert.ok(await isPaused(service.url));
      await decide(service.url, "resume");
    }
    return service;
  }),
);

crash("PostgreSQL is down for twenty seconds", async () =>
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
    await until("ready again", async () => (await fetch(`${service.url}/readyz`)).ok);
    return service;
  }),
);

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

crash.after(() => world[Symbol.asyncDispose]());
crash.run();
