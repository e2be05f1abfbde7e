/**
 * Redrives dead letters: a position enters; a new message at the end of the inbox, which refers to it, leaves. The
 * message, the operator's action, the letter's state and the projector's wake-up job are committed together. The
 * original message never changes.
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
  enqueueWakeup: (transaction: Transaction, domain: string, upTo: bigint) => Promise<void>;
  /** Called after the commit, so that this process's projector does not wait for the job. */
  onAppended: (domain: string, upTo: bigint) => void;
  /** @param traceparent of the letter. @returns the trace context of the new message. */
  traceRedrive?: ((position: bigint, traceparent: string | null) => string | undefined) | undefined;
  tryPayload: (letter: DeadLetter, payload: Buffer) => Promise<Trial>;
}>;

/**
 * @param payload undefined for the original payload.
 * @throws NotFoundError; InvalidInputError without an author, or without a reason for an edit; WrongStateError if the
 * letter is not open; RejectedError if the edited payload would fail again.
 */
export async function redriveLetter(
  context: RedriveContext,
  position: bigint,
  payload: Buffer | undefined,
  operator: Operator,
): Promise<Redriven> {
  const letter = await openLetter(context.database, position);
  if (operator.author === undefined) throw new InvalidInputError("author", "author is required");
  if (payload) {
    if (operator.reason === undefined) {
      throw new InvalidInputError("reason", "reason is required for an edited payload");
    }
    const { outcome } = await context.tryPayload(letter, payload);
    if (outcome.kind === "dead") {
      throw new RejectedError("the edited payload would fail again", outcome.rejection.problems);
    }
  }
  const redriven = await context.database.transaction(async (transaction) => {
    const { letters } = await redriveIn(transaction, context, [position], operator, {
      payloads: payload && new Map([[position, payload]]),
    });
    if (!letters[0]) throw await wrongState(transaction, position);
    return letters[0];
  });
  context.onAppended(letter.domain, redriven.redrivePosition);
  return redriven;
}

/**
 * Redrives the open letters among the positions, in the caller's transaction.
 * @param payloads replace the original ones, for each position; undefined for the originals.
 * @returns the redriven letters in the order of the positions, and the last new position of each domain.
 */
export async function redriveIn(
  transaction: Transaction,
  { enqueueWakeup, traceRedrive }: Pick<RedriveContext, "enqueueWakeup" | "traceRedrive">,
  positions: readonly bigint[],
  operator: Operator,
  {
    payloads,
    bulkId,
  }: Readonly<{ payloads?: ReadonlyMap<bigint, Buffer> | undefined; bulkId?: bigint | undefined }>,
): Promise<{ letters: Redriven[]; upTo: Map<string, bigint> }> {
  // Lock the append before the letters and groups: a blocked append must not block the projector.
  for (const domain of await selectDomainsOf(transaction, positions)) await beginAppend(transaction, domain);
  const moved = await moveDeadLetters(transaction, positions, "open", "redriven");
  if (moved.length === 0) return { letters: [], upTo: new Map() };

  const movedPositions = moved.map(({ position }) => position);
  const traceparents = traceRedrive && (await selectTraceparents(transaction, movedPositions));
  const redrives = movedPositions.map((position) => {
    const traceparent = traceRedrive?.(position, traceparents?.get(position) ?? null);
    return { position, traceparent, payload: payloads?.get(position) };
  });
  const appended = await insertRedrivesOf(transaction, redrives);
  const redrivePositions = new Map(appended.map(({ position, redriveOf }) => [redriveOf, position]));
  const letters = moved.map((letter) => ({
    ...letter,
    redrivePosition: redrivePositions.get(letter.position) as bigint,
  }));
  await insertRedrives(transaction, letters, operator, { isEdited: payloads !== undefined, bulkId });
  const upTo = new Map<string, bigint>();
  for (const { domain, redrivePosition } of letters) {
    if (redrivePosition > (upTo.get(domain) ?? 0n)) upTo.set(domain, redrivePosition);
  }
  for (const [domain, position] of upTo) await enqueueWakeup(transaction, domain, position);
  failpoint("redrive-before-commit");
  return { letters, upTo };
}
