/**
 * Projects one batch: the rows after the checkpoint enter, each leaves with exactly one outcome, and the domain's writes,
 * the outcomes, the events and the new checkpoint are committed together. On failure nothing happened. The checkpoint row
 * is locked throughout, so only one process projects a domain at a time.
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
import { advanceCheckpoint, beginProjection } from "./checkpoints-table.ts";
import { insertDeadLetters } from "./dead-letters-table.ts";
import { type Duplicate, insertDuplicates } from "./duplicates-table.ts";
import type { KnownPaths } from "./fingerprint.ts";
import { Handover } from "./handover.ts";

/** A domain with a projection instance that nothing else uses. */
export type Projecting = Readonly<{
  name: string;
  isDurable: boolean;
  paths: KnownPaths;
  projection: Projection;
  /** Whether events are written. Only the live projection writes them: a rebuild would publish history again. */
  isLive: boolean;
}>;

/** What the engine needs of a domain to project it. */
export type ProjectedDomain = Pick<AnyDomain, "name" | "isDurable" | "paths" | "createProjection">;

/** A new projection instance of a domain. */
export function projectingOf(
  { name, isDurable, paths, createProjection }: ProjectedDomain,
  { isLive }: Readonly<{ isLive: boolean }>,
): Projecting {
  return { name, isDurable, paths: new Set(paths), projection: createProjection(), isLive };
}

export type ProjectedBatch = Readonly<{
  /** The checkpoint after the batch. */
  checkpoint: bigint;
  rows: readonly InboxRow[];
  outcomes: readonly Outcome[];
  /** What the projection reported as added. */
  added: readonly unknown[];
  /** How many events were written to the outbox. */
  events: number;
}>;

/**
 * Projects what follows the checkpoint, at most one batch; `rows` is empty if nothing does. If the batch as a whole
 * raises an exception that is not a fault of the database, it is projected again with each message alone: one message
 * that the domain did not expect never fails its neighbours.
 * @throws DatabaseError for every fault; nothing was changed then.
 */
export async function projectNext(
  database: Database,
  domain: Projecting,
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
 * Projects the neighbours of the next message in a transaction that is rolled back: the messages after it or, if there
 * are none, the one before.
 * @param domain with an instance of its own, so that the live one learns nothing from what is only tried.
 * @returns the position of the next message, if it has neighbours and all of them can be projected.
 * @throws DatabaseError if they cannot.
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
          // A message that the domain does not expect is not a sign of a fault.
          if (isFault(error)) throw error;
        });
    }
    return neighbours.length > 0 ? failing?.position : undefined;
  });
}

/** Buries one message for an error that its environment does not explain; does nothing if it is not the next one. */
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
): Promise<ProjectedBatch> {
  const batch = await database.transaction(async (transaction) => {
    const checkpoint = await beginProjection(transaction, domain.name, domain);
    // Batches are handed over as they were appended, which may be more rows than are wanted now.
    let rows = rowsMax < BATCH_ROWS_MAX ? [] : handover.take(checkpoint, rowsMax);
    if (rows.length === 0) {
      rows = await selectAfter(transaction, domain.name, checkpoint, rowsMax, BATCH_BYTES_MAX);
    }
    const last = rows.at(-1);
    if (!last) return { checkpoint, rows, outcomes: [], added: [], events: 0 };

    const { outcomes, added = [], events = [] } = await project(transaction, domain, rows);
    const written = domain.isLive ? withTraces(events, rows) : [];
    await insertEvents(transaction, domain.name, written);
    await recordOutcomes(transaction, domain, rows, outcomes, last.position);
    return { checkpoint: last.position, rows, outcomes, added, events: written.length };
  });
  failpoint("projection-before-cache");
  return batch;
}

/** As `projectNext` does it, within the caller's transaction: the batch as a whole, else each message alone. */
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

/** An event goes on with the trace of the message that caused it, unless the domain gave it another one. */
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

/** Each message in a savepoint of its own; a message that raises an exception even so is buried. */
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
      const one = await transaction.savepoint(() => projectChecked(transaction, domain, [row]));
      outcomes.push(...one.outcomes);
      added.push(...(one.added ?? []));
      events.push(...(one.events ?? []));
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

/** Whatever a domain found wrong, so much of it is stored. */
function bounded(outcome: Outcome): Outcome {
  if (outcome.kind !== "dead") return outcome;
  const { rejection } = outcome;
  return { kind: "dead", rejection: { ...rejection, problems: boundProblems(rejection.problems) } };
}

/** The dead letters of a batch as events show them: their place and kind, nothing of the payload. */
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

/** As many as an append holds at most, so that what was appended together is projected together. */
export const BATCH_ROWS_MAX = 4_000;

/** Enough to tell one message from its surroundings. */
const NEIGHBOURS = 3;

/** Above every position that an inbox will ever have, so that what is only tried can meet no real row. */
export const TRIAL_POSITION = 2n ** 62n;

/** Bounds what is read back into memory at once. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
