/**
 * Projects one batch: the rows after the checkpoint enter, each leaves with exactly one outcome, and the domain's
 * writes, the outcomes and the new checkpoint are committed together. On failure nothing happened. The checkpoint
 * row is locked throughout, so however many processes and jobs there are, one of them projects.
 */
import type pg from "pg";
import { DatabaseError, type Transaction, withTransaction } from "../database/transaction.ts";
import { insertDeadLetters } from "../deadletter/dead-letters-table.ts";
import { selectAfter } from "../inbox/inbox-table.ts";
import { advanceCheckpoint, lockCheckpoint } from "./checkpoints-table.ts";
import type { Domain, InboxRow, Outcome, Projection } from "./domain.ts";
import { type Duplicate, insertDuplicates } from "./duplicates-table.ts";
import type { Handover } from "./handover.ts";
import { type Rejection, reject } from "./rejection.ts";

export type ProjectedBatch = Readonly<{
  /** The checkpoint after the batch. */
  checkpoint: bigint;
  rows: readonly InboxRow[];
  outcomes: readonly Outcome[];
}>;

/**
 * Projects what follows the checkpoint, at most one batch of it; `rows` is empty where nothing did. Where the whole
 * batch raises an exception that is no fault of the database, it is projected again with each message alone: one
 * message that the domain did not expect never fails its neighbours.
 * @throws DatabaseError for every fault; nothing was changed then.
 */
export async function projectNext(
  pool: pg.Pool,
  domain: Domain,
  handover: Handover,
): Promise<ProjectedBatch> {
  try {
    return await projectBatch(pool, domain, handover, projectChecked);
  } catch (error) {
    if (isFault(error)) throw error;
    return await projectBatch(pool, domain, handover, projectEachAlone);
  }
}

type Way = (transaction: Transaction, domain: Domain, rows: readonly InboxRow[]) => Promise<Projection>;

async function projectBatch(
  pool: pg.Pool,
  domain: Domain,
  handover: Handover,
  project: Way,
): Promise<ProjectedBatch> {
  const { batch, onCommit } = await withTransaction(pool, async (transaction) => {
    const checkpoint = await lockCheckpoint(transaction, domain.name);
    let rows = handover.take(checkpoint, BATCH_ROWS_MAX);
    if (rows.length === 0) {
      rows = await selectAfter(transaction, domain.name, checkpoint, BATCH_ROWS_MAX, BATCH_BYTES_MAX);
    }
    const last = rows.at(-1);
    if (!last) return { batch: { checkpoint, rows, outcomes: [] }, onCommit: undefined };

    const { outcomes, onCommit } = await project(transaction, domain, rows);
    await recordOutcomes(transaction, domain.name, rows, outcomes, last.position);
    return { batch: { checkpoint: last.position, rows, outcomes }, onCommit };
  });
  onCommit?.();
  return batch;
}

/** As `projectNext` does it, within the caller's transaction: the batch as a whole, else each message alone. */
export async function projectInSavepoints(
  transaction: Transaction,
  domain: Domain,
  rows: readonly InboxRow[],
): Promise<Projection> {
  try {
    return await transaction.savepoint(() => projectChecked(transaction, domain, rows));
  } catch (error) {
    if (isFault(error)) throw error;
    return await projectEachAlone(transaction, domain, rows);
  }
}

/** Each message in a savepoint of its own; what raises an exception even so is buried. */
async function projectEachAlone(
  transaction: Transaction,
  domain: Domain,
  rows: readonly InboxRow[],
): Promise<Projection> {
  const outcomes: Outcome[] = [];
  const commits: (() => void)[] = [];
  for (const row of rows) {
    try {
      const one = await transaction.savepoint(() => projectChecked(transaction, domain, [row]));
      outcomes.push(...one.outcomes);
      if (one.onCommit) commits.push(one.onCommit);
    } catch (error) {
      if (isFault(error)) throw error;
      outcomes.push({ kind: "dead", rejection: projectionFailed(error) });
    }
  }
  const onCommit = () => {
    for (const commit of commits) commit();
  };
  return { outcomes, onCommit };
}

async function projectChecked(
  transaction: Transaction,
  domain: Domain,
  rows: readonly InboxRow[],
): Promise<Projection> {
  const projection = await domain.project(rows, transaction);
  if (projection.outcomes.length !== rows.length) {
    throw new Error(
      `domain ${domain.name} gave ${projection.outcomes.length} outcomes for ${rows.length} messages`,
    );
  }
  return projection;
}

/** The dead letters of a batch as events show them: where and which kind, nothing of the payload. */
export function deadLettersOf({ rows, outcomes }: ProjectedBatch): { position: string; code: string }[] {
  const letters: { position: string; code: string }[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.kind !== "dead") continue;
    letters.push({ position: String(rows[index]?.position), code: outcome.rejection.code });
  }
  return letters;
}

/** A fault passes and is tried again; anything else is about the message and would fail for ever. */
function isFault(error: unknown): boolean {
  return error instanceof DatabaseError && !error.isAboutData;
}

function projectionFailed(error: unknown): Rejection {
  const name = error instanceof DatabaseError ? `SQLSTATE ${error.sqlState}` : nameOf(error);
  return reject("projection_failed", {
    path: "",
    rule: name,
    expected: "a message that this version can project",
    received: "an unexpected exception",
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

async function recordOutcomes(
  transaction: Transaction,
  domain: string,
  rows: readonly InboxRow[],
  outcomes: readonly Outcome[],
  checkpoint: bigint,
): Promise<void> {
  const duplicates: Duplicate[] = [];
  const letters: { position: bigint; rejection: Rejection }[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const position = (rows[index] as InboxRow).position;
    if (outcome.kind === "duplicate")
      duplicates.push({ position, originalPosition: outcome.originalPosition });
    if (outcome.kind === "dead") letters.push({ position, rejection: outcome.rejection });
  }
  await insertDuplicates(transaction, domain, duplicates);
  await insertDeadLetters(transaction, domain, letters);
  const projected = rows.length - duplicates.length - letters.length;
  const counts = { projected, duplicate: duplicates.length, dead: letters.length };
  advanceCheckpoint(transaction, domain, checkpoint, counts);
}

/** As many as an append holds at most, so that what was appended together is projected together. */
const BATCH_ROWS_MAX = 2_000;

/** Bounds what is read back into memory at once. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
