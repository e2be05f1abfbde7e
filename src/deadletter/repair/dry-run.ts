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
import type { Transformation } from "../transform/transformer.ts";

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

/** @param positions tried in this order. @param domains of this process. @param transformation applied to each. */
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
  for (let begin = 0; begin < positions.length; begin += TRANSACTION_LETTERS_MAX) {
    const part = positions.slice(begin, begin + TRANSACTION_LETTERS_MAX);
    await database.attempt(async (transaction) => {
      for (let done = 0; done < part.length; ) {
        signal?.throwIfAborted();
        const batch = part.slice(done, done + BATCH_LETTERS_MAX);
        const place = TRIAL_POSITION + BigInt(done);
        done += await tryBatch(transaction, projecting, batch, place, tally, { signal, transformation });
        onProgress(begin + done);
      }
    });
  }
  return tally.result();
}

/** @returns the number of positions tried. */
async function tryBatch(
  transaction: Transaction,
  projecting: ReadonlyMap<string, Projecting>,
  positions: readonly bigint[],
  trialPosition: bigint,
  tally: Tally,
  {
    signal,
    transformation,
  }: Readonly<{
    signal: AbortSignal | undefined;
    transformation: Transformation | undefined;
  }>,
): Promise<number> {
  const rows = await selectAt(transaction, positions, BATCH_BYTES_MAX);
  if (rows.length === 0) throw new Error("a dead letter has no row in the inbox");
  for (const [domain, letters] of Map.groupBy(rows, (row) => row.domain)) {
    const here = projecting.get(domain);
    if (!here) {
      tally.skip(domain, letters.length);
      continue;
    }
    const revised = transformation ? await revise(letters, transformation, tally, here, signal) : letters;
    const tried = revised.map((row, index) => ({ ...row, position: trialPosition + BigInt(index) }));
    if (tried.length === 0) continue;
    const { outcomes } = await projectInSavepoints(transaction, here, tried);
    for (const [index, outcome] of outcomes.entries()) {
      tally.count(domain, revised[index]?.position as bigint, trialOf(outcome, here));
    }
  }
  return rows.length;
}

/** @returns the changed rows; the others are counted. */
async function revise<Row extends InboxRow & { domain: string }>(
  rows: readonly Row[],
  transformation: Transformation,
  tally: Tally,
  { paths }: Projecting,
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  const changed: Row[] = [];
  for (const row of rows) {
    signal?.throwIfAborted();
    const result = await transformation.apply(row.payload);
    if (result.kind === "changed") changed.push({ ...row, payload: Buffer.from(result.payload) });
    else if (result.kind === "unchanged") tally.countUnchanged(row.position);
    else tally.countNotApplied(row.domain, row.position, result, paths);
  }
  return changed;
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

  skip(domain: string, letters: number): void {
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
