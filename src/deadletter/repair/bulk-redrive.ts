/**
 * Bulk redrive: a filter enters; the set of matching letters is fixed, then redriven in steps of 1, 10 and chunks. A step
 * waits for the outcomes of the previous one, and the redrive stops if more letters fail again than allowed: one failure
 * usually predicts the rest. Each step updates the progress in its own transaction, under the row's lock. So concurrent
 * workers do each step once, and a worker resumes after a crash.
 */
import { InvalidInputError, NotFoundError, WrongStateError } from "../../contract/errors.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { selectDomainsOf } from "../../inbox/inbox-table.ts";
import { selectCheckpoint } from "../../projector/checkpoints-table.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import { findAllPositions } from "../find/find.ts";
import { type Decider, insertBulkAction, type Operator } from "../operator-actions-table.ts";
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
  limit: number;
  failuresMax: number;
}>;

/**
 * Fixes the set and enqueues its job.
 * @throws InvalidInputError if no open letter matches, or letters of several domains do.
 */
export async function beginBulkRedrive(
  database: Database,
  { filter, limit, failuresMax }: BulkOptions,
  operator: Decider,
  enqueue: (transaction: Transaction, id: bigint) => Promise<void>,
): Promise<bigint> {
  return database.transaction(async (transaction) => {
    const positions = await openPositions(transaction, filter, limit);
    if (positions.length === 0) {
      throw new InvalidInputError("filter", "no open dead letter matches the filter");
    }
    const [domain = "", ...others] = await selectDomainsOf(transaction, positions);
    if (others.length > 0) {
      const all = [domain, ...others].join(", ");
      throw new InvalidInputError(
        "filter",
        `the filter matches letters of several domains (${all}): add the filter domain`,
      );
    }
    const set = { domain, positions, filter, failuresMax };
    const id = await insertBulkRedrive(transaction, set, operator);
    await insertBulkAction(transaction, "bulk_redrive", id, operator);
    await enqueue(transaction, id);
    return id;
  });
}

/** @throws InvalidInputError for a state other than open. */
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

/** The step in flight is still completed. @throws NotFoundError, WrongStateError */
export async function cancelBulkRedrive(database: Database, id: bigint, operator: Operator): Promise<void> {
  await database.transaction(async (transaction) => {
    const bulk = await lockBulkRedrive(transaction, id);
    if (!bulk) throw new NotFoundError("there is no such bulk redrive");
    if (bulk.status !== "running") throw new WrongStateError(`bulk redrive ${id} is already ${bulk.status}`);
    await insertBulkAction(transaction, "cancel_bulk_redrive", id, operator);
    await updateBulkRedrive(transaction, { ...bulk, status: "cancelled" });
  });
}

export type Step =
  | Readonly<{ kind: "ended" }>
  /** The next step needs the outcomes up to this position. */
  | Readonly<{ kind: "waiting"; domain: string; upTo: bigint }>;

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

/** One letter shows whether the redrive works at all, ten whether that was luck. */
function stepSize({ place }: BulkRedrive): number {
  if (place === 0n) return 1;
  return place === 1n ? 10 : STEP_LETTERS_MAX;
}

const ENDED: Taken = { step: { kind: "ended" }, isAppended: false };

/** Bounds the failures before a stop; larger steps are not faster. */
const STEP_LETTERS_MAX = 500;

/** Bounds the payloads copied in one transaction. */
const STEP_BYTES_MAX = 16 * 1024 * 1024;
