/** The two messages of NATS Streaming that bypass the library, and the library internals that this needs. */
import { createRequire } from "node:module";
import stan from "node-nats-streaming";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertInternals } from "../../src/inbox/sources/nats-streaming/stan-internals.ts";
import { decodeDelivery, encodeAck } from "../../src/inbox/sources/nats-streaming/stan-protocol.ts";

/** The library's own protocol code, as the reference. */
const { pb } = createRequire(import.meta.url)("node-nats-streaming/lib/pb");

/** Around each number that takes another byte or exceeds exact integers. */
const NUMBERS = Array.from({ length: 63 }, (_, bits) => [2 ** bits - 1, 2 ** bits, 2 ** bits + 1]).flat();
const TIMES = [1_763_741_234_567_890_123n, 1_763_741_234_567_890_240n, 1n, 2n ** 62n].map(Number);

test("a delivery decodes as the library decodes it, for any numbers", () => {
  for (const [index, number] of [...NUMBERS, ...TIMES].entries()) {
    const payload = Buffer.alloc(index % 300, index);
    const delivery = new pb.MsgProto();
    delivery.setSequence(number);
    delivery.setSubject("orders.of.someone");
    delivery.setReply("somewhere");
    delivery.setData(payload);
    delivery.setTimestamp(number);
    delivery.setRedelivered(index % 2 === 1);
    delivery.setRedeliveryCount(index);
    delivery.setCrc32(4_294_967_295);
    const bytes = Buffer.from(delivery.serializeBinary());
    const theirs = pb.MsgProto.deserializeBinary(bytes);
    assert.equal(decodeDelivery(bytes), {
      sequence: theirs.getSequence(),
      timestamp: theirs.getTimestamp(),
      isRedelivered: index % 2 === 1,
      payload,
    });
  }
});

test("unknown fields of a newer server are skipped, and bytes that are not a delivery are refused", () => {
  const fixed32 = Buffer.from([0xa5, 0x01, 1, 2, 3, 4]);
  const fixed64 = Buffer.from([0xa1, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]);
  const text = Buffer.from([0xa2, 0x01, 2, 65, 66]);
  const known = Buffer.from([0x08, 7]);
  assert.is(decodeDelivery(Buffer.concat([fixed32, fixed64, text, known])).sequence, 7);
  assert.is(decodeDelivery(Buffer.alloc(0)).payload.length, 0);
  const broken = [
    [0x08],
    [0x22, 5, 1],
    [0x08, ...Array(11).fill(0xff)],
    [0x0f, 1],
    [0xa1, 0x01, 1],
    [0x22, 0xff],
  ];
  for (const bytes of broken) assert.throws(() => decodeDelivery(Buffer.from(bytes)), /delivery/);
});

test("an acknowledgement is the one that the library would write", () => {
  for (const number of NUMBERS.filter((value) => value > 0 && value <= Number.MAX_SAFE_INTEGER)) {
    for (const channel of ["o", "orders", "größe", "c".repeat(200)]) {
      const ack = new pb.Ack();
      ack.setSubject(channel);
      ack.setSequence(number);
      assert.equal(encodeAck(channel, number), Buffer.from(ack.serializeBinary()));
    }
  }
});

test("the library's internals are checked at start-up, and a library with others is named", () => {
  assertInternals();
  type Client = Record<string, unknown>;
  const refuses = (change: (client: Client) => void, difference: RegExp) =>
    assert.throws(
      () =>
        assertInternals((...given) => {
          const client = stan.connect(...given);
          change(client as unknown as Client);
          return client;
        }),
      (error: Error) => /node-nats-streaming.*0\.3\.2/.test(error.message) && difference.test(error.message),
    );
  refuses((client) => {
    client.processMsg = undefined;
  }, /no processMsg/);
  refuses((client) => {
    client.nc = {};
  }, /no nc with options/);
  refuses((client) => {
    (client.nc as Client).processInbound = undefined;
  }, /no processInbound/);
  refuses((client) => {
    const subscribe = client.subscribe as (...given: unknown[]) => unknown;
    client.subscribe = (...given: unknown[]) => {
      client.processMsg = () => () => {};
      return subscribe.apply(client, given);
    };
  }, /processMsg does not give the receiver/);
});

test.run();
