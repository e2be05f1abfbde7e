/**
 * Projects one batch: rows after the checkpoint enter, and each leaves with exactly one outcome. The domain's writes,
 * outcomes, events and the new checkpoint commit together; on failure nothing changed. The locked checkpoint row lets
 * one process project a domain at a time.
 */
import { failpoint } from "../config/failpoint.ts";
import type { AnyDomain, OutboxEvent, Outcome, Projected, Projection } from "../contract/domain.ts";
import type { InboxRow } from "../contract/message.ts";
import { boundProblems, type Rejection, reject } from "../contract/rejection.ts";
import type { Database } from "../database/database.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Transaction } from "../database/transaction.ts";
import { selectAfter, selectAt } from "../inbox/inbox-table.ts";
import { checkEvents } from "../outbox/check-events.ts";
import { insertEvents } from "../outbox/outbox-table.ts";
import { advanceCheckpoint, beginProjection, tryToBeginProjection } from "./checkpoints-table.ts";
import { insertDeadLetters } from "./dead-letters-table.ts";
import { type Duplicate, insertDuplicates } from "./duplicates-table.ts";
import type { KnownPaths } from "./fingerprint.ts";
import { Handover } from "./handover.ts";

export type Projecting = Readonly<{
  name: string;
  isDurable: boolean;
  paths: KnownPaths;
  projection: Projection;
  /** False for rebuilds, which would publish old events again. */
  isLive: boolean;
}>;

export type ProjectedDomain = Pick<AnyDomain, "name" | "isDurable" | "paths" | "createProjection">;

export function projectingOf(
  { name, isDurable, paths, createProjection }: ProjectedDomain,
  { isLive }: Readonly<{ isLive: boolean }>,
): Projecting {
  return { name, isDurable, paths: new Set(paths), projection: createProjection(), isLive };
}

export type ProjectedBatch = Readonly<{
  /** The checkpoint before the batch. */
  after: bigint;
  /** The checkpoint after the batch. */
  checkpoint: bigint;
  rows: readonly InboxRow[];
  outcomes: readonly Outcome[];
  added: readonly unknown[];
  events: number;
  /** Another process is projecting the domain, so nothing was done. */
  isTaken: boolean;
}>;

/** What to do while another process projects the domain. */
type Turn = "wait" | "skip";

/**
 * Projects at most one batch. If it raises an exception other than a database fault, each message is projected alone,
 * so an unexpected message never fails its neighbours.
 * @throws DatabaseError for every fault; nothing changed.
 */
export async function projectNext(
  database: Database,
  domain: Projecting,
  handover: Handover,
  rowsMax = BATCH_ROWS_MAX,
  turn: Turn = "wait",
): Promise<ProjectedBatch> {
  try {
    return await projectBatch(database, domain, handover, rowsMax, projectChecked, turn);
  } catch (error) {
    if (isFault(error)) throw error;
    return await projectBatch(database, domain, handover, rowsMax, projectEachAlone, turn);
  }
}

/**
 * Projects the neighbours of the next message in a rolled-back transaction: the messages after it or, if there are
 * none, the one before.
 * @param domain with an instance of its own, so that the trial does not affect the live one.
 * @returns the position of the next message if all its neighbours can be projected.
 * @throws DatabaseError if a neighbour fails.
 */
export async function isolatePoisonMessage(
  database: Database,
  domain: Projecting,
): Promise<bigint | undefined> {
  return database.attempt(async (transaction) => {
    const checkpoint = await beginProjection(transaction, domain.name, { isDurable: false });
    const rows = await selectAfter(transaction, domain.name, checkpoint, 1 + NEIGHBOURS, BATCH_BYTES_MAX);
    const [failing, ...after] = rows;
    const neighbours = after.length > 0 ? after : await selectAt(transaction, [checkpoint], 1);
    for (const [index, neighbour] of neighbours.entries()) {
      const row = { ...neighbour, position: TRIAL_POSITION + BigInt(index) };
      await transaction
        .savepoint(() => projectChecked(transaction, domain, [row]))
        .catch((error) => {
          if (isFault(error)) throw error;
        });
    }
    return neighbours.length > 0 ? failing?.position : undefined;
  });
}

/** Does nothing if the message is not the next one. */
export async function buryNext(
  database: Database,
  domain: Projecting,
  position: bigint,
  error: unknown,
): Promise<ProjectedBatch> {
  const bury: ProjectStrategy = async (transaction, _domain, rows) =>
    rows[0]?.position === position
      ? { outcomes: [{ kind: "dead", rejection: projectionFailed(error) }] }
      : projectChecked(transaction, domain, rows);
  return projectBatch(database, domain, new Handover(), 1, bury);
}

type ProjectStrategy = (
  transaction: Transaction,
  domain: Projecting,
  rows: readonly InboxRow[],
) => Promise<Projected>;

async function projectBatch(
  database: Database,
  domain: Projecting,
  handover: Handover,
  rowsMax: number,
  project: ProjectStrategy,
  turn: Turn = "wait",
): Promise<ProjectedBatch> {
  const batch = await database.transaction(async (transaction) => {
    const { checkpoint, isLocked } =
      turn === "skip"
        ? await tryToBeginProjection(transaction, domain.name, domain)
        : { checkpoint: await beginProjection(transaction, domain.name, domain), isLocked: true };
    if (!isLocked) {
      handover.forget(checkpoint);
      return { ...NOTHING, after: checkpoint, checkpoint, isTaken: true };
    }
    // Handed-over batches may have more rows than `rowsMax`.
    let rows = rowsMax < BATCH_ROWS_MAX ? [] : handover.take(checkpoint, rowsMax);
    if (rows.length === 0) {
      rows = await selectAfter(transaction, domain.name, checkpoint, rowsMax, BATCH_BYTES_MAX);
    }
    const last = rows.at(-1);
    if (!last) return { ...NOTHING, after: checkpoint, checkpoint };

    const { outcomes, added = [], events = [] } = await project(transaction, domain, rows);
    const written = domain.isLive ? withTraces(events, rows) : [];
    await insertEvents(transaction, domain.name, written);
    await recordOutcomes(transaction, domain, rows, outcomes, last.position);
    failpoint("projection-before-commit");
    return {
      after: checkpoint,
      checkpoint: last.position,
      rows,
      outcomes,
      added,
      events: written.length,
      isTaken: false,
    };
  });
  failpoint("projection-before-cache");
  return batch;
}

export async function projectInSavepoints(
  transaction: Transaction,
  domain: Projecting,
  rows: readonly InboxRow[],
): Promise<Projected> {
  try {
    return await transaction.savepoint(() => projectChecked(transaction, domain, rows));
  } catch (error) {
    if (isFault(error)) throw error;
    return await projectEachAlone(transaction, domain, rows);
  }
}

/** Unless the domain set another trace. */
function withTraces(events: readonly OutboxEvent[], rows: readonly InboxRow[]): readonly OutboxEvent[] {
  const traced = rows.flatMap(({ position, traceparent }) =>
    traceparent === undefined ? [] : [[position, traceparent] as const],
  );
  if (events.length === 0 || traced.length === 0) return events;
  const traces = new Map(traced);
  return events.map((event) => {
    const traceparent = traces.get(event.position);
    return traceparent === undefined ? event : { ...event, headers: { traceparent, ...event.headers } };
  });
}

async function projectEachAlone(
  transaction: Transaction,
  domain: Projecting,
  rows: readonly InboxRow[],
): Promise<Projected> {
  const outcomes: Outcome[] = [];
  const added: unknown[] = [];
  const events: OutboxEvent[] = [];
  for (const row of rows) {
    try {
      const projected = await transaction.savepoint(() => projectChecked(transaction, domain, [row]));
      outcomes.push(...projected.outcomes);
      added.push(...(projected.added ?? []));
      events.push(...(projected.events ?? []));
    } catch (error) {
      if (isFault(error)) throw error;
      outcomes.push({ kind: "dead", rejection: projectionFailed(error) });
    }
  }
  return { outcomes, added, events };
}

async function projectChecked(
  transaction: Transaction,
  { name, projection }: Projecting,
  rows: readonly InboxRow[],
): Promise<Projected> {
  const projected = await projection.project(rows, transaction);
  const { outcomes, events = [] } = projected;
  if (outcomes.length !== rows.length) {
    throw new Error(`domain ${name} gave ${outcomes.length} outcomes for ${rows.length} messages`);
  }
  if (events.length > 0) {
    const isProjected = (_row: InboxRow, index: number) => outcomes[index]?.kind === "projected";
    checkEvents(
      events,
      rows.filter(isProjected).map(({ position }) => position),
    );
  }
  return { ...projected, outcomes: outcomes.map(bounded) };
}

function bounded(outcome: Outcome): Outcome {
  if (outcome.kind !== "dead") return outcome;
  const { rejection } = outcome;
  return { kind: "dead", rejection: { ...rejection, problems: boundProblems(rejection.problems) } };
}

/** For the event stream, without payloads. */
export function deadLettersOf(
  domain: string,
  { rows, outcomes }: ProjectedBatch,
): { domain: string; position: string; code: string }[] {
  const letters: { domain: string; position: string; code: string }[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.kind !== "dead") continue;
    letters.push({ domain, position: String(rows[index]?.position), code: outcome.rejection.code });
  }
  return letters;
}

/** Any other error concerns the message and would repeat. */
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
  domain: Projecting,
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
  await insertDuplicates(transaction, domain.name, duplicates);
  await insertDeadLetters(transaction, domain, letters);
  const projected = rows.length - duplicates.length - letters.length;
  const counts = { projected, duplicate: duplicates.length, dead: letters.length };
  advanceCheckpoint(transaction, domain.name, checkpoint, counts);
}

const NOTHING = { rows: [], outcomes: [], added: [], events: 0, isTaken: false };

/** An append's maximum, so that messages appended together are projected together. */
export const BATCH_ROWS_MAX = 4_000;

const NEIGHBOURS = 3;

/** Above every real position, so that trial rows cannot collide. */
export const TRIAL_POSITION = 2n ** 62n;

const BATCH_BYTES_MAX = 8 * 1024 * 1024;
