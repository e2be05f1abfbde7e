/** The reader of whole messages, beside the library's own, for every way in which bytes arrive. */
import stan from "node-nats-streaming";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Inbound, readWholeMessages } from "../../src/inbox/sources/nats-streaming/nats-inbound.ts";

type Delivered = Readonly<{ message: string; reply: string | undefined; subject: string; id: number }>;

/** A connection of the library without a socket. */
type Connection = Inbound & {
  pstate: number;
  options: object;
  stream: object;
  subs: Record<number, object>;
  written: string[];
  sendCommand: (command: string) => void;
};

const client = stan.connect("test", "test", { url: "nats://127.0.0.1:9" });
client.on("error", () => {});
const CONNECTION = Object.getPrototypeOf((client as unknown as { nc: object }).nc);

function connect(): { connection: Connection; delivered: Delivered[] } {
  const delivered: Delivered[] = [];
  const callback = (message: Buffer, reply: string | undefined, subject: string, id: number) =>
    delivered.push({ message: message.toString("latin1"), reply, subject, id });
  const written: string[] = [];
  const connection: Connection = Object.assign(Object.create(CONNECTION), {
    inbound: null,
    payload: null,
    pstate: 0,
    closed: false,
    options: { preserveBuffers: true },
    stream: { resume: () => {} },
    subs: { 7: { received: 0, callback }, 12: { received: 0, callback } },
    written,
    sendCommand: (command: Buffer | string) => written.push(String(command)),
  });
  return { connection, delivered };
}

/** As the library's listener on the socket does it. */
function arrive(connection: Connection, bytes: Buffer): void {
  connection.inbound = connection.inbound ? Buffer.concat([connection.inbound, bytes]) : bytes;
  connection.processInbound();
}

const STREAM = Buffer.from(
  [
    "MSG orders 7 5\r\nhello\r\n",
    "MSG _INBOX.x 12 _INBOX.y 12\r\nMSG a 7 1\r\n\0\r\n",
    "MSG empty 7 0\r\n\r\n",
    "PING\r\n",
    "MSG unknown 99 2\r\nno\r\n",
    "+OK\r\n",
    "msg  lower\t7   3\r\n\r\n\r\r\n",
    "MSG größe 7 4\r\nlast\r\n",
  ].join(""),
  "latin1",
);
const MESSAGES = ["hello", "MSG a 7 1\r\n\0", "", "\r\n\r", "last"];

function outcome(parts: readonly Buffer[], reads: (connection: Connection) => void) {
  const { connection, delivered } = connect();
  reads(connection);
  for (const part of parts) arrive(connection, part);
  const { inbound, payload, pstate, written } = connection;
  return { delivered, inbound, payload, pstate, written };
}

test("messages, other lines and parts are read as the library reads them, wherever the bytes are cut", () => {
  const whole = outcome([STREAM], () => {});
  assert.equal(
    whole.delivered.map(({ message }) => message),
    MESSAGES,
  );
  assert.is(whole.written.length, 1, "an answer to the ping");
  for (let first = 0; first <= STREAM.length; first++) {
    for (let second = first; second <= STREAM.length; second++) {
      const parts = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)];
      const arriving = parts.filter(({ length }) => length > 0);
      const ours = outcome(arriving, readWholeMessages);
      assert.equal(
        ours,
        outcome(arriving, () => {}),
        `cut at ${first} and ${second}`,
      );
      assert.equal(ours.delivered, whole.delivered);
    }
  }
});

test("whole messages do not reach the library's reader", () => {
  const { connection, delivered } = connect();
  let calls = 0;
  connection.processInbound = function (this: Connection) {
    calls++;
    CONNECTION.processInbound.call(this);
  };
  const counted: Connection = Object.create(connection);
  readWholeMessages(counted);
  const { processInbound } = counted;
  readWholeMessages(counted);
  assert.is(counted.processInbound, processInbound, "a second call changes nothing");
  arrive(counted, Buffer.from("MSG a 7 2\r\nab\r\nMSG b 7 2\r\ncd\r\nMSG c 7 4\r\ne"));
  assert.is(calls, 1, "for the part");
  arrive(counted, Buffer.from("fgh\r\nMSG d 7 2\r\nij\r\n"));
  assert.is(calls, 2, "for the rest of the part");
  assert.equal(
    delivered.map(({ message }) => message),
    ["ab", "cd", "efgh", "ij"],
  );
});

test("after a message that closes the connection nothing more is read", () => {
  const { connection, delivered } = connect();
  const { processMsg } = connection;
  readWholeMessages(connection);
  connection.processMsg = () => {
    processMsg.call(connection);
    connection.closed = true;
    connection.inbound = null;
  };
  arrive(connection, Buffer.from("MSG a 7 2\r\na"));
  arrive(connection, Buffer.from("b\r\nMSG b 7 2\r\ncd\r\n"));
  assert.equal(
    delivered.map(({ message }) => message),
    ["ab"],
  );
  assert.is(connection.inbound, null);
});

test.run();
