/**
 * Redrives dead letters: each enters as a position and leaves as a message of its own at the end of the inbox, that
 * refers to it and takes the ordinary way. The message, the operator's action, the letter's new state and the job that
 * wakes the projector are committed together. The original never changes.
 */
import { failpoint } from "../../config/failpoint.ts";
import { InvalidInputError, RejectedError } from "../../contract/errors.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import {
  beginAppend,
  insertRedrivesOf,
  selectDomainsOf,
  selectTraceparents,
} from "../../inbox/inbox-table.ts";
import { type DeadLetter, moveDeadLetters } from "../../projector/dead-letters-table.ts";
import { insertRedrives, type Operator } from "../operator-actions-table.ts";
import type { Trial } from "./dry-run.ts";
import { openLetter, wrongState } from "./letter-state.ts";

export type Redriven = Readonly<{ position: bigint; redrivePosition: bigint }>;

export type RedriveContext = Readonly<{
  database: Database;
  /** Enqueues, in the given transaction, the job that wakes the projector. */
  enqueueWakeup: (transaction: Transaction, domain: string, upTo: bigint) => Promise<void>;
  /** Told after the commit, so that this process's own projector need not wait for the job. */
  onAppended: (domain: string, upTo: bigint) => void;
  /** Tells that a position is redriven, with its trace context. @returns the one that the new message goes on with. */
  traceRedrive?: ((position: bigint, traceparent: string | null) => string | undefined) | undefined;
  /** What would become of a letter with another payload. */
  tryPayload: (letter: DeadLetter, payload: Buffer) => Promise<Trial>;
}>;

/**
 * Redrives one letter, as it is or with an edited payload.
 * @throws NotFoundError; InvalidInputError without an author, or without a reason for an edit; WrongStateError if the
 * letter is not open, or not any more; RejectedError if the edited payload would be dead again: nothing is appended then.
 */
export async function redriveLetter(
  context: RedriveContext,
  position: bigint,
  payload: Buffer | undefined,
  operator: Operator,
): Promise<Redriven> {
  const letter = await openLetter(context.database, position);
  if (operator.author === undefined)
    throw new InvalidInputError("author", "author is required to redrive a letter");
  if (payload) {
    if (operator.reason === undefined) {
      throw new InvalidInputError("reason", "reason is required for an edited payload");
    }
    const { outcome } = await context.tryPayload(letter, payload);
    if (outcome.kind === "dead") {
      throw new RejectedError("the edited payload would be dead again", outcome.rejection.problems);
    }
  }
  const redriven = await context.database.transaction(async (transaction) => {
    const { letters } = await redriveIn(transaction, context, [position], operator, { payload });
    if (!letters[0]) throw await wrongState(transaction, position);
    return letters[0];
  });
  context.onAppended(letter.domain, redriven.redrivePosition);
  return redriven;
}

/**
 * Redrives those of the letters that are open, in the caller's transaction.
 * @returns what was redriven, in the order of the positions, and how far the projector of each domain has to come.
 */
export async function redriveIn(
  transaction: Transaction,
  { enqueueWakeup, traceRedrive }: Pick<RedriveContext, "enqueueWakeup" | "traceRedrive">,
  positions: readonly bigint[],
  operator: Operator,
  { payload, bulkId }: Readonly<{ payload?: Buffer | undefined; bulkId?: bigint | undefined }>,
): Promise<{ letters: Redriven[]; upTo: Map<string, bigint> }> {
  // Before the letters and their groups: what an append holds up must not hold up the projector.
  for (const domain of await selectDomainsOf(transaction, positions)) await beginAppend(transaction, domain);
  const moved = await moveDeadLetters(transaction, positions, "open", "redriven");
  if (moved.length === 0) return { letters: [], upTo: new Map() };

  const movedPositions = moved.map(({ position }) => position);
  // Read only if redrives are traced.
  const traceparents = traceRedrive && (await selectTraceparents(transaction, movedPositions));
  const redrives = movedPositions.map((position) => {
    return { position, traceparent: traceRedrive?.(position, traceparents?.get(position) ?? null) };
  });
  const appended = await insertRedrivesOf(transaction, redrives, payload);
  const redrivePositions = new Map(appended.map(({ position, redriveOf }) => [redriveOf, position]));
  const letters = moved.map((letter) => ({
    ...letter,
    redrivePosition: redrivePositions.get(letter.position) as bigint,
  }));
  await insertRedrives(transaction, letters, operator, { isEdited: payload !== undefined, bulkId });
  const upTo = new Map<string, bigint>();
  for (const { domain, redrivePosition } of letters) {
    if (redrivePosition > (upTo.get(domain) ?? 0n)) upTo.set(domain, redrivePosition);
  }
  for (const [domain, position] of upTo) await enqueueWakeup(transaction, domain, position);
  failpoint("redrive-before-commit");
  return { letters, upTo };
}
