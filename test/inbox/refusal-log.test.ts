/** The two warnings of an inbox that refuses messages. */
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Appended } from "../../src/inbox/append.ts";
import { ByteBudget } from "../../src/inbox/byte-budget.ts";
import { Inbox } from "../../src/inbox/inbox.ts";
import { RefusalLog } from "../../src/inbox/refusal-log.ts";
import { messageOf } from "../support/messages.ts";
import { until } from "../support/wait.ts";

const refusals = suite("refusal log");

type Line = {
  level: number;
  msg: string;
  count?: number;
  refused?: object;
  reason?: string;
  source?: string;
};

function logged() {
  const lines: Line[] = [];
  return { lines, logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }) };
}
const QUIET_MS = 20;
const BEGUN = /the inbox is full/;
const ENDED = /accepts messages again/;

refusals("one warning when refusing begins, and one when it has ended, with how many", async () => {
  const { lines, logger } = logged();
  let hasRoom = false;
  const log = new RefusalLog({
    hasRoom: () => hasRoom,
    failure: () => "the database is unavailable",
    logger,
    quietMilliseconds: QUIET_MS,
  });
  for (let sent = 0; sent < 37_633; sent++) log.refused(messageOf("", { source: "nats-streaming" }));
  log.refused(messageOf("", { source: "http" }));
  assert.is(lines.length, 1);
  assert.match(lines[0]?.msg ?? "", BEGUN);
  assert.equal(
    [lines[0]?.source, lines[0]?.reason, lines[0]?.level],
    ["nats-streaming", "the database is unavailable", 40],
  );
  hasRoom = true;
  await until("it has ended", () => lines.length === 2);
  assert.match(lines[1]?.msg ?? "", ENDED);
  assert.equal([lines[1]?.count, lines[1]?.level], [37_634, 40]);
  assert.equal(lines[1]?.refused, { "nats-streaming orders": 37_633, "http orders": 1 });
  log.refused(messageOf(""));
  assert.match(lines[2]?.msg ?? "", BEGUN, "a second time is said again");
  log.close();
  assert.is(lines[3]?.count, 1, "a shutdown ends it");
});

refusals("refusing continues while there is no room, even if nothing is sent", async () => {
  const { lines, logger } = logged();
  let asked = 0;
  let hasRoom = false;
  const log = new RefusalLog({
    hasRoom: () => {
      asked++;
      return hasRoom;
    },
    failure: () => undefined,
    logger,
    quietMilliseconds: QUIET_MS,
  });
  log.refused(messageOf(""));
  await until("it was quiet for a while", () => asked > 3);
  assert.is(lines.length, 1);
  hasRoom = true;
  await until("it has ended", () => lines.length === 2);
});

refusals("an inbox without room says so, and one that was stopped does not", async () => {
  const { lines, logger } = logged();
  const gate = Promise.withResolvers<void>();
  const inbox = new Inbox({
    append: async (messages): Promise<Appended> => {
      await gate.promise;
      return {
        receipts: messages.map((_message, index) => ({ position: BigInt(index + 1), isNew: true })),
        after: 0n,
        receivedAtMs: undefined,
        upTo: BigInt(messages.length),
      };
    },
    waitForTurn: async () => {},
    onAppended: () => {},
    buffer: new ByteBudget(2_000).share(),
    logger,
  });
  for (let sent = 0; sent < 10; sent++) inbox.offer(messageOf("x"), () => {});
  assert.equal(
    lines.map(({ msg }) => BEGUN.test(msg)),
    [true],
  );
  gate.resolve();
  await inbox.drain(10);
  assert.is(lines[1]?.count, 7);
  assert.not(inbox.offer(messageOf("x"), () => {}));
  assert.is(lines.length, 2);
});

refusals.run();
