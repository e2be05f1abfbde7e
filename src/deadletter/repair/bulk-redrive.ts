/**
 * Redrives many dead letters as one act. A filter enters, the letters that match are frozen, and they are redriven in
 * steps: one, then ten, then the rest in chunks. No step begins before the outcome of the one before is known, and the
 * whole stops where more letters die again than was allowed: what fails for one mostly fails for all.
 *
 * How far it has come is kept in the transaction of each step, under the lock of its row. So a step is done once,
 * however many processes try, and after a crash the next worker finds the place.
 */
import { InvalidInputError, NotFoundError, WrongStateError } from "../../contract/errors.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { selectDomainsOf } from "../../inbox/inbox-table.ts";
import { selectCheckpoint } from "../../projector/checkpoints-table.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import { findAllPositions } from "../find/find.ts";
import { insertBulkAction, type Operator } from "../operator-actions-table.ts";
import {
  type BulkRedrive,
  countOutcomes,
  insertBulkRedrive,
  lockBulkRedrive,
  selectNextLetters,
  updateBulkRedrive,
} from "./bulk-redrives-table.ts";
import { type RedriveContext, redriveIn } from "./redrive.ts";

export type BulkOptions = Readonly<{
  filter: DeadLetterFilter;
  /** At most so many, the oldest first. */
  limit: number;
  /** How many may die again before it stops. */
  failuresMax: number;
}>;

/**
 * Freezes the set and enqueues the job that redrives it.
 * @throws InvalidInputError where nothing open matches.
 */
export async function beginBulkRedrive(
  database: Database,
  { filter, limit, failuresMax }: BulkOptions,
  operator: Required<Operator>,
  enqueue: (transaction: Transaction, id: bigint) => Promise<void>,
): Promise<bigint> {
  return database.transaction(async (transaction) => {
    const positions = await openPositions(transaction, filter, limit);
    if (positions.length === 0) {
      throw new InvalidInputError("filter", "no open dead letter matches: there is nothing to redrive");
    }
    const [domain = "", ...others] = await selectDomainsOf(transaction, positions);
    if (others.length > 0) {
      const all = [domain, ...others].join(", ");
      throw new InvalidInputError(
        "filter",
        `the letters are of several domains (${all}): choose one with the filter domain`,
      );
    }
    const set = { domain, positions, filter, failuresMax };
    const id = await insertBulkRedrive(transaction, set, operator);
    await insertBulkAction(transaction, "bulk_redrive", id, operator);
    await enqueue(transaction, id);
    return id;
  });
}

/** The letters that a bulk redrive would freeze. @throws InvalidInputError for a state other than open. */
export async function openPositions(
  transaction: Transaction,
  filter: DeadLetterFilter,
  limit: number,
): Promise<bigint[]> {
  if (filter.state !== undefined && filter.state !== "open") {
    throw new InvalidInputError("state", "only open dead letters can be redriven");
  }
  return findAllPositions(transaction, { ...filter, state: "open" }, limit);
}

/** Ends a bulk redrive after the step in flight. @throws NotFoundError, WrongStateError */
export async function cancelBulkRedrive(database: Database, id: bigint, operator: Operator): Promise<void> {
  await database.transaction(async (transaction) => {
    const bulk = await lockBulkRedrive(transaction, id);
    if (!bulk) throw new NotFoundError("there is no such bulk redrive");
    if (bulk.status !== "running") throw new WrongStateError(`bulk redrive ${id} has ${bulk.status} already`);
    await insertBulkAction(transaction, "cancel_bulk_redrive", id, operator);
    await updateBulkRedrive(transaction, { ...bulk, status: "cancelled" });
  });
}

export type Step =
  | Readonly<{ kind: "ended" }>
  /** Something is not projected yet: the next step can be taken when the projector has come so far. */
  | Readonly<{ kind: "waiting"; domain: string; upTo: bigint }>;

/** Takes the next step of a bulk redrive, whatever that is. */
export async function stepBulkRedrive(
  context: Omit<RedriveContext, "tryPayload">,
  id: bigint,
): Promise<Step> {
  const { step, isAppended } = await context.database.transaction(async (transaction) => {
    const bulk = await lockBulkRedrive(transaction, id);
    return bulk ? takeStep(transaction, context, bulk) : ENDED;
  });
  if (isAppended && step.kind === "waiting") context.onAppended(step.domain, step.upTo);
  return step;
}

type Taken = Readonly<{ step: Step; isAppended: boolean }>;

async function takeStep(
  transaction: Transaction,
  context: Pick<RedriveContext, "enqueueWakeup" | "traceRedrive">,
  before: BulkRedrive,
): Promise<Taken> {
  const { domain } = before;
  if ((await selectCheckpoint(transaction, domain)).position < before.lastPosition) {
    return { step: { kind: "waiting", domain, upTo: before.lastPosition }, isAppended: false };
  }
  const bulk = await settle(transaction, before);
  const status = statusOf(bulk);
  if (status !== "running") {
    await updateBulkRedrive(transaction, { ...bulk, status });
    return ENDED;
  }
  const positions = await selectNextLetters(transaction, bulk.id, bulk.place, stepSize(bulk), STEP_BYTES_MAX);
  const { letters } = await redriveIn(transaction, context, positions, bulk, { bulkId: bulk.id });
  const lastPosition = letters.at(-1)?.redrivePosition ?? bulk.lastPosition;
  await updateBulkRedrive(transaction, {
    ...bulk,
    place: bulk.place + BigInt(positions.length),
    redriven: bulk.redriven + BigInt(letters.length),
    skipped: bulk.skipped + BigInt(positions.length - letters.length),
    lastPosition,
  });
  return { step: { kind: "waiting", domain, upTo: lastPosition }, isAppended: letters.length > 0 };
}

/** Counts what became of the step before. */
async function settle(transaction: Transaction, bulk: BulkRedrive): Promise<BulkRedrive> {
  const { id, settledPosition, lastPosition } = bulk;
  if (settledPosition === lastPosition) return bulk;
  const outcomes = await countOutcomes(transaction, id, settledPosition, lastPosition);
  return {
    ...bulk,
    settledPosition: lastPosition,
    projected: bulk.projected + outcomes.projected,
    duplicate: bulk.duplicate + outcomes.duplicate,
    dead: bulk.dead + outcomes.dead,
  };
}

function statusOf({ status, dead, failuresMax, place, letters }: BulkRedrive): BulkRedrive["status"] {
  if (status !== "running") return status;
  if (dead > failuresMax) return "stopped";
  return place === letters ? "finished" : "running";
}

/** One, to see whether it works at all; ten, to see whether that was luck; then the rest. */
function stepSize({ place }: BulkRedrive): number {
  if (place === 0n) return 1;
  return place === 1n ? 10 : STEP_LETTERS_MAX;
}

const ENDED: Taken = { step: { kind: "ended" }, isAppended: false };

/** So many may fail in vain before it is noticed; larger steps would not be quicker. */
const STEP_LETTERS_MAX = 500;

/** The database copies the payloads by itself, within one transaction. */
const STEP_BYTES_MAX = 16 * 1024 * 1024;
