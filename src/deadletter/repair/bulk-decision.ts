/**
 * Bulk discard and bulk restore: a filter enters; the set of matching letters is fixed, then decided in steps, each in its
 * own transaction with its progress. The first step runs in the transaction that fixes the set, so a small set is decided
 * at once and completely. Concurrent workers do each step once, and a worker resumes after a crash. Letters that another
 * action moved before their turn are skipped and counted.
 */
import { InvalidInputError, NotFoundError, WrongStateError } from "../../contract/errors.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { moveDeadLetters, type State } from "../../projector/dead-letters-table.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import { findAllPositions } from "../find/find.ts";
import {
  type Decider,
  insertBulkDecisionAction,
  insertDecisions,
  type Operator,
} from "../operator-actions-table.ts";
import {
  type BulkDecision,
  insertBulkDecision,
  lockBulkDecision,
  selectNextDecisionLetters,
  updateBulkDecision,
} from "./bulk-decisions-table.ts";
import type { BulkStep } from "./bulk-runner.ts";
import type { Decision } from "./discard.ts";

/**
 * Fixes the set, takes the first step, and enqueues a job for the rest.
 * @throws InvalidInputError if no letter matches, or the filter selects a state that the action does not start from.
 */
export async function beginBulkDecision(
  database: Database,
  action: Decision,
  { filter, limit }: Readonly<{ filter: DeadLetterFilter; limit: number }>,
  operator: Decider,
  enqueue: (transaction: Transaction, id: bigint) => Promise<void>,
): Promise<bigint> {
  return database.transaction(async (transaction) => {
    const positions = await findAllPositions(transaction, selectionOf(action, filter), limit);
    if (positions.length === 0) {
      throw new InvalidInputError("filter", `no ${MOVES[action].from} dead letter matches the filter`);
    }
    const id = await insertBulkDecision(transaction, action, { positions, filter }, operator);
    await insertBulkDecisionAction(transaction, `bulk_${action}`, id, operator);
    if (!(await stepIn(transaction, id))) await enqueue(transaction, id);
    return id;
  });
}

/** The number of letters that it would change. @throws InvalidInputError for a state that it does not start from. */
export async function countDecision(
  database: Database,
  action: Decision,
  filter: DeadLetterFilter,
  limit: number,
): Promise<number> {
  const selection = { ...selectionOf(action, filter), state: MOVES[action].from };
  const positions = await database.transaction((transaction) =>
    findAllPositions(transaction, selection, limit),
  );
  return positions.length;
}

/** The step in flight is still completed. @throws NotFoundError, WrongStateError */
export async function cancelBulkDecision(database: Database, id: bigint, operator: Operator): Promise<void> {
  await database.transaction(async (transaction) => {
    const bulk = await lockBulkDecision(transaction, id);
    if (!bulk) throw noSuchDecision();
    if (bulk.status !== "running")
      throw new WrongStateError(`bulk ${bulk.action} ${id} is already ${bulk.status}`);
    await insertBulkDecisionAction(transaction, "cancel_bulk_decision", id, operator);
    await updateBulkDecision(transaction, { ...bulk, status: "cancelled" });
  });
}

export async function stepBulkDecision(database: Database, id: bigint): Promise<BulkStep> {
  const isEnded = await database.transaction((transaction) => stepIn(transaction, id));
  return { kind: isEnded ? "ended" : "ready" };
}

export function noSuchDecision(): NotFoundError {
  return new NotFoundError("there is no such bulk discard or restore");
}

function selectionOf(action: Decision, filter: DeadLetterFilter): DeadLetterFilter {
  const { from } = MOVES[action];
  if (filter.state !== undefined && filter.state !== from) {
    throw new InvalidInputError("state", `${action} needs ${from} dead letters`);
  }
  // A listed letter that another action moved is not dropped without notice: it is counted as skipped.
  return filter.positions === undefined ? { ...filter, state: from } : filter;
}

/** @returns whether it has ended. */
async function stepIn(transaction: Transaction, id: bigint): Promise<boolean> {
  const bulk = await lockBulkDecision(transaction, id);
  if (bulk?.status !== "running") return true;
  const positions = await selectNextDecisionLetters(transaction, id, bulk.place, STEP_LETTERS_MAX);
  const { from, to } = MOVES[bulk.action];
  const moved = await moveDeadLetters(transaction, positions, from, to);
  await insertDecisions(transaction, bulk.action, moved, to, bulk, id);
  const after: BulkDecision = {
    ...bulk,
    place: bulk.place + BigInt(positions.length),
    decided: bulk.decided + BigInt(moved.length),
    skipped: bulk.skipped + BigInt(positions.length - moved.length),
  };
  const isEnded = after.place === after.letters;
  await updateBulkDecision(transaction, isEnded ? { ...after, status: "finished" } : after);
  return isEnded;
}

const MOVES: Readonly<Record<Decision, { from: State; to: State }>> = {
  discard: { from: "open", to: "discarded" },
  restore: { from: "discarded", to: "open" },
};

/** The projector waits for a step that counts letters of the same groups, so a step should take a fraction of a second. */
const STEP_LETTERS_MAX = 1_000;
