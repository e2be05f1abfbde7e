/**
 * Dry run: the current schema and projection process payloads in a transaction that is rolled back. Each run has its own
 * projection instances, so live state does not change. Live messages with the same id wait for the rollback, so large
 * sets are tried in parts.
 */
import type { AnyDomain, Outcome } from "../../contract/domain.ts";
import type { Problem, RejectionCode } from "../../contract/rejection.ts";
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { selectAt } from "../../inbox/inbox-table.ts";
import { fingerprintOf } from "../../projector/fingerprint.ts";
import {
  type Projecting,
  projectInSavepoints,
  projectingOf,
  TRIAL_POSITION,
} from "../../projector/project.ts";

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
  /** Without conflicts; by cause, largest group first. */
  failures: Failure[];
};

type Failure = {
  domain: string;
  fingerprint: string;
  code: RejectionCode;
  letters: number;
  sample: bigint;
  errors: readonly Problem[];
};

/** @param positions tried in this order. @param domains of this process. */
export async function dryRun(
  database: Database,
  domains: ReadonlyMap<string, AnyDomain>,
  positions: readonly bigint[],
  signal?: AbortSignal,
  onProgress: (done: number) => void = () => {},
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
        done += await tryBatch(transaction, projecting, batch, TRIAL_POSITION + BigInt(done), tally);
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
): Promise<number> {
  const rows = await selectAt(transaction, positions, BATCH_BYTES_MAX);
  if (rows.length === 0) throw new Error("a dead letter has no row in the inbox");
  for (const [domain, letters] of Map.groupBy(rows, (row) => row.domain)) {
    const here = projecting.get(domain);
    if (!here) {
      tally.skip(domain, letters.length);
      continue;
    }
    const tried = letters.map((row, index) => ({ ...row, position: trialPosition + BigInt(index) }));
    const { outcomes } = await projectInSavepoints(transaction, here, tried);
    for (const [index, outcome] of outcomes.entries()) {
      tally.count(domain, letters[index]?.position as bigint, trialOf(outcome, here));
    }
  }
  return rows.length;
}

class Tally {
  readonly #counts;
  readonly #notRunHere = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();

  constructor(letters: number) {
    this.#counts = { letters, projected: 0, duplicate: 0, conflict: 0 };
  }

  skip(domain: string, letters: number): void {
    this.#notRunHere.set(domain, (this.#notRunHere.get(domain) ?? 0) + letters);
  }

  count(domain: string, position: bigint, { outcome, fingerprint = "" }: Trial): void {
    if (outcome.kind !== "dead") {
      this.#counts[outcome.kind] += 1;
    } else if (outcome.rejection.code === "conflict") {
      this.#counts.conflict += 1;
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
    const failures = [...this.#failures.values()].sort((one, other) => other.letters - one.letters);
    return { ...this.#counts, notRunHere: this.#notRunHere, failures };
  }
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
/** Bound the memory. */
const BATCH_LETTERS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
