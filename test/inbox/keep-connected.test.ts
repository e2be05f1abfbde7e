/** The reconnect loop of all sources, with simulated connections and time. */
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describeError } from "../../src/contract/describe-error.ts";
import type { Health } from "../../src/contract/source.ts";
import { keepConnected, SettingsRefusedError } from "../../src/inbox/sources/keep-connected.ts";
import { until } from "../support/wait.ts";

const loop = suite("keep connected");
const WARN = 40;
const ERROR = 50;

/** A loop whose connections the test opens, breaks and ends; waiting takes no time. */
function controlled() {
  const stop = new AbortController();
  const states: Health[] = [];
  const lines: { level: number; msg: string; reason?: string; attempts?: number; outageSeconds?: number }[] =
    [];
  const waits: number[] = [];
  const attempts: { succeed: () => void; fail: (error: unknown) => void; end: () => void }[] = [];
  let now = 0;
  const running = keepConnected(
    (onConnected) =>
      new Promise((end, fail) => {
        attempts.push({ succeed: onConnected, fail, end });
      }),
    {
      source: "test",
      channel: "orders",
      signal: stop.signal,
      onState: (health) => states.push(health),
      logger: pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) }),
      backoff: (failures) => 100 * 2 ** failures,
      clock: {
        now: () => now,
        wait: async (milliseconds) => {
          waits.push(milliseconds);
          now += milliseconds;
        },
      },
    },
  );
  /** Resolves with the attempt of that number. */
  const attempt = (index: number) => until(`attempt ${index}`, () => attempts[index]);
  const warnings = () => lines.filter(({ level }) => level >= WARN);
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { stop, states, lines, waits, attempts, running, attempt, warnings, pass };
}

loop("health follows the connection, with the reason while there is none", async () => {
  const { stop, states, attempt, running } = controlled();
  (await attempt(0)).fail(new Error("refused"));
  (await attempt(1)).succeed();
  (await attempt(1)).end();
  (await attempt(2)).succeed();
  assert.equal(states, [
    { connected: false, reason: "refused" },
    { connected: true },
    { connected: false, reason: "the connection was closed" },
    { connected: true },
  ]);
  stop.abort();
  (await attempt(2)).end();
  await running;
  assert.equal(states.at(-1), { connected: false, reason: "closed" });
});

loop("a loss and a return are one line each, however many attempts lie between them", async () => {
  const { stop, lines, warnings, attempt, running } = controlled();
  (await attempt(0)).succeed();
  for (let index = 0; index < 5; index++) (await attempt(index)).fail(new Error("refused"));
  (await attempt(5)).succeed();
  assert.is(warnings().length, 1);
  assert.is(warnings()[0]?.reason, "refused");
  const returned = lines.find(({ msg }) => msg === "source reconnected");
  assert.is(returned?.attempts, 5);
  assert.is(returned?.outageSeconds, 3);
  // Reports a second outage, and another reason within an outage.
  (await attempt(5)).fail(new Error("refused"));
  (await attempt(6)).fail(new Error("wrong password"));
  (await attempt(7)).fail(new Error("refused"));
  await attempt(8);
  assert.equal(
    warnings().map(({ reason }) => reason),
    ["refused", "refused", "wrong password"],
  );
  stop.abort();
  (await attempt(8)).end();
  await running;
});

loop("a refusal of the settings is an error, and not a broker that is unavailable", async () => {
  const { stop, warnings, attempt, running } = controlled();
  (await attempt(0)).fail(new SettingsRefusedError("the window is too large"));
  await attempt(1);
  assert.equal(
    warnings().map(({ level, msg }) => [level, msg]),
    [[ERROR, "the broker refuses the settings of the source; retrying"]],
  );
  stop.abort();
  (await attempt(1)).end();
  await running;
});

loop("the backoff grows with each failure, and begins again after a connection that lasted", async () => {
  const { stop, waits, attempt, running, pass } = controlled();
  for (let index = 0; index < 3; index++) (await attempt(index)).fail(new Error("refused"));
  await attempt(3);
  assert.equal(waits, [100, 200, 400]);
  // A connection that breaks at once does not reset the backoff, which protects a flapping broker.
  (await attempt(3)).succeed();
  (await attempt(3)).fail(new Error("broken"));
  (await attempt(4)).succeed();
  pass(60_000);
  (await attempt(4)).fail(new Error("broken"));
  await attempt(5);
  assert.equal(waits, [100, 200, 400, 800, 100]);
  stop.abort();
  (await attempt(5)).end();
  await running;
});

loop("after a stop the connection that is open may finish, and no other one is opened", async () => {
  const { stop, states, attempts, attempt, running, warnings } = controlled();
  (await attempt(0)).succeed();
  stop.abort();
  assert.equal(states, [{ connected: true }]);
  (await attempt(0)).fail(new Error("lost after the stop"));
  await running;
  assert.is(attempts.length, 1);
  assert.equal(warnings(), []);
});

loop("a stop ends the wait for the next attempt", async () => {
  const stop = new AbortController();
  const running = keepConnected(() => Promise.reject(new Error("refused")), {
    source: "test",
    channel: "orders",
    signal: stop.signal,
    onState: ({ reason }) => {
      if (reason === "refused") setImmediate(() => stop.abort());
    },
    logger: pino({ level: "silent" }),
    backoff: () => 3_600_000,
  });
  await running;
});

loop("the reason names the innermost causes, and ends for an error that is among its own causes", () => {
  const inner = new Error("ECONNREFUSED 127.0.0.1:9092");
  assert.is(describeError(new Error("failed", { cause: inner })), "failed: ECONNREFUSED 127.0.0.1:9092");
  assert.is(describeError(new AggregateError([inner, inner], "all failed")), inner.message);
  const round: Error & { cause?: unknown } = new Error("round");
  round.cause = round;
  assert.ok(describeError(round).startsWith("round: round"));
  assert.is(describeError("a text"), "a text");
});

loop.run();
