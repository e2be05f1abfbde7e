/** The HTTP ingress, beyond the suite of all sources. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HttpSource } from "../../src/inbox/sources/http.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const http = suite("http");

http("the same key at the same time: the second waits and gets the first one's position", async () => {
  const sink = new TestSink();
  const source = new HttpSource({ channel: "orders", hasPayload: async () => true });
  source.start(sink);
  const first = source.receive({ payload: Buffer.from("a"), messageId: "key" });
  const second = source.receive({ payload: Buffer.from("a"), messageId: "key" });
  await until("one is offered", () => sink.offers.length === 1);
  sink.commit(sink.offers[0] as Offer);
  await until("the other is offered", () => sink.offers.length === 2);
  sink.commit(sink.offers[1] as Offer);
  const positions = (await Promise.all([first, second])).map(({ position }) => position);
  assert.equal(positions, [1n, 1n]);
});

http("with the database away the sender is told at once", async () => {
  const sink = new TestSink();
  sink.failure = "the database is unavailable";
  const source = new HttpSource({ channel: "orders", hasPayload: async () => true });
  source.start(sink);
  await source.receive({ payload: Buffer.from("a") }).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "the database is unavailable"),
  );
});

http.run();
