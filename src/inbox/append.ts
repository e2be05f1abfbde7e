/**
 * One append: a batch of messages enters; their rows and the wake-up job commit together, and receipts leave. After a
 * failure the caller retries: if the connection broke during the commit, committed messages are recognised.
 */
import { failpoint } from "../config/failpoint.ts";
import type { Message, Receipt } from "../contract/message.ts";
import type { Database } from "../database/database.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Transaction } from "../database/transaction.ts";
import {
  beginAppend,
  copyMessages,
  insertMissingMessages,
  selectPositions,
  selectReceivedAt,
} from "./inbox-table.ts";

type EnqueueWakeup = (transaction: Transaction, domain: string, upTo: bigint) => Promise<void>;

export type Appended = Readonly<{
  /** In the order of the messages. */
  receipts: readonly Receipt[];
  /** The domain's highest position before this append; undefined if nothing was new. */
  after: bigint | undefined;
  /** Milliseconds since the Unix epoch; undefined if nothing was new. */
  receivedAtMs: number | undefined;
  /** The highest new position; undefined if nothing was new. */
  upTo: bigint | undefined;
}>;

/**
 * Appends by binary COPY, which is fastest but fails if a message exists; then by an insert that skips existing
 * messages.
 * @throws DatabaseError; PositionOrderError if new positions would not be above the domain's head.
 */
export async function append(
  database: Database,
  domain: string,
  messages: readonly Message[],
  enqueueWakeup: EnqueueWakeup,
): Promise<Appended> {
  if (messages.length === 0)
    return { receipts: [], after: undefined, receivedAtMs: undefined, upTo: undefined };
  try {
    return await database.transaction((transaction) =>
      appendNew(transaction, domain, messages, enqueueWakeup),
    );
  } catch (error) {
    if (!(error instanceof DatabaseError && error.isUniqueViolation)) throw error;
    return database.transaction((transaction) => appendMissing(transaction, domain, messages, enqueueWakeup));
  }
}

async function appendNew(
  transaction: Transaction,
  domain: string,
  messages: readonly Message[],
  enqueueWakeup: EnqueueWakeup,
): Promise<Appended> {
  const { after, positions, receivedAtMs } = await copyMessages(transaction, domain, messages);
  const upTo = positions.at(-1) as bigint;
  await enqueueWakeup(transaction, domain, upTo);
  failpoint("append-before-commit");
  return { receipts: positions.map((position) => ({ position, isNew: true })), after, receivedAtMs, upTo };
}

async function appendMissing(
  transaction: Transaction,
  domain: string,
  messages: readonly Message[],
  enqueueWakeup: EnqueueWakeup,
): Promise<Appended> {
  const after = await beginAppend(transaction, domain);
  await insertMissingMessages(transaction, domain, messages);
  const positions = await selectPositions(transaction, messages);
  const receipts = positions.map((position, index): Receipt => {
    if (position === null)
      throw new Error(`message ${messages[index]?.messageId} has no position after its append`);
    return { position, isNew: position > after };
  });
  const upTo = receipts.findLast(({ isNew }) => isNew)?.position;
  if (upTo === undefined) return { receipts, after: undefined, receivedAtMs: undefined, upTo };
  await enqueueWakeup(transaction, domain, upTo);
  return { receipts, after, receivedAtMs: await selectReceivedAt(transaction), upTo };
}
