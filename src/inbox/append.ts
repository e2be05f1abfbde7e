/**
 * One append: a batch of messages enters, their rows and the job that will process them are committed together,
 * and the receipts leave. On failure nothing was appended, or (where the connection broke during the commit) it
 * is not known: the caller tries again, and what was committed is recognised.
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

/** Enqueues, in the given transaction, the job that wakes the projector. */
type EnqueueWakeup = (transaction: Transaction, domain: string, upTo: bigint) => Promise<void>;

export type Appended = Readonly<{
  /** One for each message, in their order. */
  receipts: readonly Receipt[];
  /** The domain's highest position before this append; undefined where nothing new was appended. */
  after: bigint | undefined;
  /** When the inbox received them, in milliseconds since the Unix epoch; undefined if nothing new was appended. */
  receivedAtMs: number | undefined;
  /** The highest position that this append added; undefined where nothing new was appended. */
  upTo: bigint | undefined;
}>;

/**
 * Appends by binary COPY, the quickest way, which fails as a whole if one message is there already; then by an insert
 * that skips those.
 * @throws DatabaseError; PositionOrderError if the messages would get positions that are not above the domain's head.
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
