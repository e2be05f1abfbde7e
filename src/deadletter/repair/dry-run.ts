/**
 * Dry run: the current schema and projection process payloads in a transaction that is rolled back. Each run has its own
 * projection instances, so live state does not change. Live messages with the same id wait for the rollback, so large
 * sets are tried in parts.
 */
import type { AnyDomain, Outcome } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import type { Problem, RejectionCode } from "../../contract/rejection.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { selectAt } from "../../inbox/inbox-table.ts";
import { fingerprintOf, foldPath, type KnownPaths } from "../../projector/fingerprint.ts";
import {
  type Projecting,
  projectInSavepoints,
  projectingOf,
  TRIAL_POSITION,
} from "../../projector/project.ts";
import type { Transformation, Transformed } from "../transform/transformer.ts";

export type Trial = Readonly<{ outcome: Outcome; fingerprint: string | undefined }>;

/** @param position of the letter whose headers are used. */
export async function tryPayload(
  database: Database,
  domain: AnyDomain,
  position: bigint,
  payload: Buffer,
): Promise<Trial> {
  const projecting = projectingOf(domain, { isLive: false });
  const { outcomes } = await database.attempt(async (transaction) => {
    const [letter] = await selectAt(transaction, [position], 1);
    const row = {
      position: TRIAL_POSITION,
      messageId: "trial",
      payload,
      headersJson: letter?.headersJson,
      receivedAtMs: Date.now(),
      publishedAtMs: undefined,
    };
    return projectInSavepoints(transaction, projecting, [row]);
  });
  return trialOf(outcomes[0] as Outcome, projecting);
}

export type DryRun = {
  letters: number;
  projected: number;
  duplicate: number;
  conflict: number;
  /** Untried letters by domain that does not run in this process. */
  notRunHere: Map<string, number>;
  /** The first conflict. */
  conflictSample: Readonly<{ position: bigint; originalPosition: bigint | undefined }> | undefined;
  /** Without conflicts; by cause, largest group first. */
  failures: Failure[];
  /** Letters that the steps do not change. */
  unchanged: number;
  unchangedSample: bigint | undefined;
  /** Letters that the steps cannot be applied to, by step and cause, largest group first. */
  notApplied: NotApplied[];
};

type Failure = {
  domain: string;
  fingerprint: string;
  code: RejectionCode;
  letters: number;
  sample: bigint;
  errors: readonly Problem[];
};

type NotApplied = { domain: string; step: number; letters: number; sample: bigint; problem: Problem };

/**
 * @param positions tried in this order.
 * @param domains of this process.
 * @param transformation applied to each.
 */
export async function dryRun(
  database: Database,
  domains: ReadonlyMap<string, AnyDomain>,
  positions: readonly bigint[],
  signal?: AbortSignal,
  onProgress: (done: number) => void = () => {},
  transformation?: Transformation,
): Promise<DryRun> {
  const tally = new Tally(positions.length);
  const projecting = new Map(
    [...domains].map(([name, domain]) => [name, projectingOf(domain, { isLive: false })]),
  );
  const context = { database, projecting, tally, signal, onProgress };
  if (transformation) await tryTransformed(context, positions, transformation);
  else await tryUnchanged(context, positions);
  return tally.result();
}

type Trying = Readonly<{
  database: Database;
  projecting: ReadonlyMap<string, Projecting>;
  tally: Tally;
  signal: AbortSignal | undefined;
  onProgress: (done: number) => void;
}>;

type Row = InboxRow & Readonly<{ domain: string }>;

async function tryUnchanged(
  { database, projecting, tally, signal, onProgress }: Trying,
  positions: readonly bigint[],
): Promise<void> {
  for (let begin = 0; begin < positions.length; begin += TRANSACTION_LETTERS_MAX) {
    const part = positions.slice(begin, begin + TRANSACTION_LETTERS_MAX);
    await database.attempt(async (transaction) => {
      for (let done = 0; done < part.length; ) {
        signal?.throwIfAborted();
        const rows = await selectAt(transaction, part.slice(done, done + BATCH_LETTERS_MAX), BATCH_BYTES_MAX);
        if (rows.length === 0) throw new Error("a dead letter has no row in the inbox");
        await tryRows(transaction, projecting, rows, done, tally);
        done += rows.length;
        onProgress(begin + done);
      }
    });
  }
}

/** Transforms before the transaction begins: live messages with the same id wait for its end. */
async function tryTransformed(
  { database, projecting, tally, signal, onProgress }: Trying,
  positions: readonly bigint[],
  transformation: Transformation,
): Promise<void> {
  let changed: Row[] = [];
  let bytes = 0;
  const tryChanged = async () => {
    await database.attempt(async (transaction) => {
      for (let done = 0; done < changed.length; done += BATCH_LETTERS_MAX) {
        signal?.throwIfAborted();
        await tryRows(transaction, projecting, changed.slice(done, done + BATCH_LETTERS_MAX), done, tally);
      }
    });
    changed = [];
    bytes = 0;
  };
  for (let done = 0; done < positions.length; ) {
    const rows = await selectAt(database, positions.slice(done, done + BATCH_LETTERS_MAX), BATCH_BYTES_MAX);
    if (rows.length === 0) throw new Error("a dead letter has no row in the inbox");
    const tried = rows.filter(({ domain }) => projecting.has(domain));
    const results = transformation.applyEach(tried.map(({ payload }) => payload));
    for (const row of rows) {
      signal?.throwIfAborted();
      const here = projecting.get(row.domain);
      const { value: result } = here ? await results.next() : {};
      const payload = here && result ? changedPayload(row, here, result, tally) : tally.skip(row.domain, 1);
      if (payload) changed.push({ ...row, payload });
      bytes += payload?.length ?? 0;
      if (bytes > BATCH_BYTES_MAX || changed.length === TRANSACTION_LETTERS_MAX) await tryChanged();
      done += 1;
      onProgress(done);
    }
  }
  await tryChanged();
}

/** @returns undefined if the steps leave the letter as it is, which is counted. */
function changedPayload(
  { position, domain }: Row,
  { paths }: Projecting,
  result: Transformed,
  tally: Tally,
): Buffer | undefined {
  if (result.kind === "changed") return Buffer.from(result.payload);
  if (result.kind === "unchanged") tally.countUnchanged(position);
  else tally.countNotApplied(domain, position, result, paths);
  return undefined;
}

/** @param place of the first row among those of the transaction. */
async function tryRows(
  transaction: Transaction,
  projecting: ReadonlyMap<string, Projecting>,
  rows: readonly Row[],
  place: number,
  tally: Tally,
): Promise<void> {
  for (const [domain, letters] of Map.groupBy(rows, (row) => row.domain)) {
    const here = projecting.get(domain);
    if (!here) {
      tally.skip(domain, letters.length);
      continue;
    }
    const first = TRIAL_POSITION + BigInt(place);
    const tried = letters.map((row, index) => ({ ...row, position: first + BigInt(index) }));
    const { outcomes } = await projectInSavepoints(transaction, here, tried);
    for (const [index, outcome] of outcomes.entries()) {
      tally.count(domain, letters[index]?.position as bigint, trialOf(outcome, here));
    }
  }
}

class Tally {
  readonly #counts;
  readonly #notRunHere = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();
  readonly #notApplied = new Map<string, NotApplied>();
  #conflictSample: DryRun["conflictSample"];
  #unchanged = 0;
  #unchangedSample: bigint | undefined;

  constructor(letters: number) {
    this.#counts = { letters, projected: 0, duplicate: 0, conflict: 0 };
  }

  skip(domain: string, letters: number): undefined {
    this.#notRunHere.set(domain, (this.#notRunHere.get(domain) ?? 0) + letters);
  }

  countUnchanged(position: bigint): void {
    this.#unchanged += 1;
    this.#unchangedSample ??= position;
  }

  countNotApplied(
    domain: string,
    position: bigint,
    { step, problem }: Readonly<{ step: number; problem: Problem }>,
    known: KnownPaths,
  ): void {
    const { path, rule, expected, received } = problem;
    const cause = [domain, step, foldPath(path, known), rule, expected, received].join(" ");
    const isOther = this.#notApplied.size >= CAUSES_MAX && !this.#notApplied.has(cause);
    const key = isOther ? "other causes" : cause;
    const counted = this.#notApplied.get(key);
    if (counted) counted.letters += 1;
    else this.#notApplied.set(key, { domain, step, letters: 1, sample: position, problem });
  }

  count(domain: string, position: bigint, { outcome, fingerprint = "" }: Trial): void {
    if (outcome.kind !== "dead") {
      this.#counts[outcome.kind] += 1;
    } else if (outcome.rejection.code === "conflict") {
      this.#counts.conflict += 1;
      const { originalPosition } = outcome.rejection;
      const isReal = originalPosition !== undefined && originalPosition < TRIAL_POSITION;
      this.#conflictSample ??= { position, originalPosition: isReal ? originalPosition : undefined };
    } else {
      const { code, problems } = outcome.rejection;
      const key = `${domain} ${fingerprint}`;
      const known = this.#failures.get(key);
      if (known) known.letters += 1;
      else
        this.#failures.set(key, {
          domain,
          fingerprint,
          code,
          letters: 1,
          sample: position,
          errors: problems,
        });
    }
  }

  result(): DryRun {
    return {
      ...this.#counts,
      notRunHere: this.#notRunHere,
      conflictSample: this.#conflictSample,
      failures: largestFirst(this.#failures.values()),
      unchanged: this.#unchanged,
      unchangedSample: this.#unchangedSample,
      notApplied: largestFirst(this.#notApplied.values()),
    };
  }
}

function largestFirst<T extends { letters: number }>(counted: Iterable<T>): T[] {
  return [...counted].sort((one, other) => other.letters - one.letters);
}

function trialOf(outcome: Outcome, { paths }: Projecting): Trial {
  if (outcome.kind !== "dead") return { outcome, fingerprint: undefined };
  const { rejection } = outcome;
  return {
    outcome: {
      kind: "dead",
      rejection: { ...rejection, problems: rejection.problems.map(withoutTrialPositions) },
    },
    fingerprint: fingerprintOf(rejection, paths),
  };
}

/** Trial positions do not exist. */
function withoutTrialPositions({ positions, ...problem }: Problem): Problem {
  if (!positions) return problem;
  const real = Object.entries(positions).filter(([, position]) => BigInt(position) < TRIAL_POSITION);
  return real.length === 0 ? problem : { ...problem, positions: Object.fromEntries(real) };
}

/** About a second, for which live messages with the same id wait. */
const TRANSACTION_LETTERS_MAX = 10_000;
/** Messages of expressions can be many. */
const CAUSES_MAX = 100;

/** Bound the memory. */
const BATCH_LETTERS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
