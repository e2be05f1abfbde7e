/**
 * Projects one batch: the rows after the checkpoint enter, each leaves with exactly one outcome, and the domain's
 * writes, the outcomes and the new checkpoint are committed together. On failure nothing happened. The checkpoint
 * row is locked throughout, so however many processes and jobs there are, one of them projects.
 */
import { failpoint } from "../config/failpoint.ts";
import type { Domain, InboxRow, Outcome, Projection } from "../contract/domain.ts";
import { type Rejection, reject } from "../contract/rejection.ts";
import type { Database } from "../database/database.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Transaction } from "../database/transaction.ts";
import { selectAfter, selectAt } from "../inbox/inbox-table.ts";
import { advanceCheckpoint, beginProjection } from "./checkpoints-table.ts";
import { insertDeadLetters } from "./dead-letters-table.ts";
import { type Duplicate, insertDuplicates } from "./duplicates-table.ts";
import { Handover } from "./handover.ts";

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
  database: Database,
  domain: Domain,
  handover: Handover,
  rowsMax = BATCH_ROWS_MAX,
): Promise<ProjectedBatch> {
  try {
    return await projectBatch(database, domain, handover, rowsMax, projectChecked);
  } catch (error) {
    if (isFault(error)) throw error;
    return await projectBatch(database, domain, handover, rowsMax, projectEachAlone);
  }
}

/**
 * Tries the messages around the one that follows the checkpoint, and takes that back: those after it, or, where there
 * are none, the one before.
 * @returns the position of that one message, where there are others and all of them can be projected.
 * @throws DatabaseError where they cannot.
 */
export async function positionAmongHealthy(database: Database, domain: Domain): Promise<bigint | undefined> {
  return database.attempt(async (transaction) => {
    const checkpoint = await beginProjection(transaction, domain.name, { isDurable: false });
    const rows = await selectAfter(transaction, domain.name, checkpoint, 1 + NEIGHBOURS, BATCH_BYTES_MAX);
    const [failing, ...after] = rows;
    const others = after.length > 0 ? after : await selectAt(transaction, [checkpoint], 1);
    for (const { payload } of others) {
      const row = { position: TRIAL_POSITION, payload, publishedAt: undefined };
      await transaction
        .savepoint(() => projectChecked(transaction, domain, [row]))
        .catch((error) => {
          // A message that is not expected is no sign of a fault.
          if (isFault(error)) throw error;
        });
    }
    return others.length > 0 ? failing?.position : undefined;
  });
}

/** Buries one message for an error that its surroundings do not explain; where it is not the next one, nothing. */
export async function buryNext(
  database: Database,
  domain: Domain,
  position: bigint,
  error: unknown,
): Promise<ProjectedBatch> {
  const bury: Way = async (transaction, _domain, rows) =>
    rows[0]?.position === position
      ? { outcomes: [{ kind: "dead", rejection: projectionFailed(error) }] }
      : projectChecked(transaction, domain, rows);
  return projectBatch(database, domain, new Handover(), 1, bury);
}

type Way = (transaction: Transaction, domain: Domain, rows: readonly InboxRow[]) => Promise<Projection>;

async function projectBatch(
  database: Database,
  domain: Domain,
  handover: Handover,
  rowsMax: number,
  project: Way,
): Promise<ProjectedBatch> {
  const { batch, onCommit } = await database.transaction(async (transaction) => {
    const checkpoint = await beginProjection(transaction, domain.name, { isDurable: false });
    // What was handed over comes in the batches in which it was appended, which may be too many.
    let rows = rowsMax < BATCH_ROWS_MAX ? [] : handover.take(checkpoint, rowsMax);
    if (rows.length === 0) {
      rows = await selectAfter(transaction, domain.name, checkpoint, rowsMax, BATCH_BYTES_MAX);
    }
    const last = rows.at(-1);
    if (!last) return { batch: { checkpoint, rows, outcomes: [] }, onCommit: undefined };

    const { outcomes, onCommit } = await project(transaction, domain, rows);
    await recordOutcomes(transaction, domain.name, rows, outcomes, last.position);
    return { batch: { checkpoint: last.position, rows, outcomes }, onCommit };
  });
  failpoint("projection-before-cache");
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
export const BATCH_ROWS_MAX = 4_000;

/** Enough to tell one message from its surroundings. */
const NEIGHBOURS = 3;

/** Above every position that an inbox will ever have, so that what is only tried can meet no real row. */
export const TRIAL_POSITION = 2n ** 62n;

/** Bounds what is read back into memory at once. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
