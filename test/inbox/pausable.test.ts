/** The order of a pause, with a source that only records its calls. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Source } from "../../src/contract/source.ts";
import { PausableSource } from "../../src/inbox/sources/pausable.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const pausable = suite("pausable source");

pausable(
  "a paused source closes after its buffered messages were acknowledged, and a new one resumes",
  async () => {
    const calls: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const inbox = Object.assign(new TestSink(), {
      settled: (source: string) => {
        calls.push(`settle ${source}`);
        return promise;
      },
    });
    const create = (): Source => ({
      name: "recorder",
      channel: "orders",
      health: { connected: true },
      start: () => void calls.push("start"),
      stop: async () => void calls.push("stop"),
      close: async () => void calls.push("close"),
    });
    const source = new PausableSource({ domain: "orders", create, logger: createLogger("silent") });
    source.start(inbox);
    source.setPaused(true);
    await until("it waits for the inbox", () => calls.includes("settle recorder"));
    assert.equal(calls, ["start", "stop", "settle recorder"]);
    resolve();
    await until("it is closed", () => calls.includes("close"));
    assert.is(source.health.connected, false);
    source.setPaused(false);
    await until("it is resumed", () => calls.length > 4);
    assert.equal(calls, ["start", "stop", "settle recorder", "close", "start"]);
  },
);

pausable.run();
