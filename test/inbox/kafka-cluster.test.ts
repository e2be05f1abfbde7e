/** Which objects of the Kafka library get a listener for errors that it emits twice. */
import { Admin, ConnectionPool } from "@platformatic/kafka";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guardSecondErrors, kafkaConnection } from "../../src/kafka/connection.ts";

const connection = () =>
  kafkaConnection({ brokers: ["127.0.0.1:9"], clientId: "test", tls: undefined, sasl: undefined });

test("objects of Waybill are guarded while a source runs, and objects of others never", () => {
  const others = { clientId: "other", bootstrapBrokers: ["127.0.0.1:9"] };
  const listeners = () => [
    new Admin(connection()).listenerCount("error"),
    new ConnectionPool("test", connection()).listenerCount("error"),
    new Admin(others).listenerCount("error"),
  ];
  assert.equal(listeners(), [0, 0, 0], "an import alone guards nothing");
  const guard = guardSecondErrors();
  assert.equal(listeners(), [1, 1, 0]);
  guard[Symbol.dispose]();
  assert.equal(listeners(), [0, 0, 0]);
});

test.run();
