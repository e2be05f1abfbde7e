/**
 * Bulk redrive: a filter enters; the set of matching letters is fixed, then redriven in steps of 1, 10 and chunks, each
 * letter transformed if the redrive has steps. A step
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
import type { Step } from "../transform/steps.ts";
import type { Transformer } from "../transform/transformer.ts";
import {
  type BulkRedrive,
  countOutcomes,
  insertBulkRedrive,
  lockBulkRedrive,
  selectNextLetters,
  updateBulkRedrive,
} from "./bulk-redrives-table.ts";
import type { BulkStep } from "./bulk-runner.ts";
import { type RedriveContext, redriveIn } from "./redrive.ts";
import { type NextLetter, type Revised, reviseLetters } from "./revise.ts";

export type BulkOptions = Readonly<{
  filter: DeadLetterFilter;
  limit: number;
  failuresMax: number;
  /** Applied to each letter. */
  steps?: readonly Step[] | undefined;
}>;

/**
 * Fixes the set and enqueues its job.
 * @throws InvalidInputError if no open letter matches, or letters of several domains do.
 */
export async function beginBulkRedrive(
  database: Database,
  { filter, limit, failuresMax, steps }: BulkOptions,
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
    const set = { domain, positions, filter, failuresMax, steps: steps && JSON.stringify(steps) };
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
  requireOpen(filter);
  return findAllPositions(transaction, { ...filter, state: "open" }, limit);
}

/** @throws InvalidInputError for a state other than open. */
export function requireOpen({ state }: DeadLetterFilter): void {
  if (state === undefined || state === "open") return;
  throw new InvalidInputError("state", "only open dead letters can be redriven");
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

export type BulkContext = Omit<RedriveContext, "tryPayload"> & Readonly<{ transformer: Transformer }>;

export async function stepBulkRedrive(context: BulkContext, id: bigint): Promise<BulkStep> {
  const { step, isAppended } = await context.database.transaction(async (transaction) => {
    const bulk = await lockBulkRedrive(transaction, id);
    return bulk ? takeStep(transaction, context, bulk) : ENDED;
  });
  if (isAppended && step.kind === "waiting") context.onAppended(step.domain, step.upTo);
  return step;
}

type Taken = Readonly<{ step: BulkStep; isAppended: boolean }>;

async function takeStep(
  transaction: Transaction,
  context: Pick<BulkContext, "enqueueWakeup" | "traceRedrive" | "transformer">,
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
  const next = await selectNextLetters(transaction, bulk.id, bulk.place, stepSize(bulk), STEP_BYTES_MAX);
  const { taken, payloads, leftOpen, problem } = await revisedOf(transaction, context, bulk, next);
  const positions = next.slice(0, taken).map(({ position }) => position);
  const redriven = payloads ? positions.filter((position) => payloads.has(position)) : positions;
  const { letters } = await redriveIn(transaction, context, redriven, bulk, { payloads, bulkId: bulk.id });
  const lastPosition = letters.at(-1)?.redrivePosition ?? bulk.lastPosition;
  await updateBulkRedrive(transaction, {
    ...bulk,
    status: problem === null ? "running" : "stopped",
    problem,
    place: bulk.place + BigInt(taken),
    redriven: bulk.redriven + BigInt(letters.length),
    leftOpen: bulk.leftOpen + BigInt(leftOpen),
    skipped: bulk.skipped + BigInt(taken - leftOpen - letters.length),
    lastPosition,
  });
  return { step: { kind: "waiting", domain, upTo: lastPosition }, isAppended: letters.length > 0 };
}

/** The append is not locked yet: transforming can take seconds. */
async function revisedOf(
  transaction: Transaction,
  { transformer }: Pick<BulkContext, "transformer">,
  { steps }: BulkRedrive,
  letters: readonly NextLetter[],
): Promise<Revised> {
  if (steps === null) return { taken: letters.length, payloads: undefined, leftOpen: 0, problem: null };
  return reviseLetters(transaction, transformer.continue(steps), letters);
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
