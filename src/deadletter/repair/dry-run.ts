/**
 * What would become of payloads if they were redriven now: today's schema and projection run over them in a
 * transaction that is rolled back, so nothing changes and nobody sees it. A live message with the id of one that is
 * being tried waits for that rollback, which is why the sets are tried in parts.
 */
import type { AnyDomain, Outcome } from "../../contract/domain.ts";
import type { Problem } from "../../contract/rejection.ts";
import type { Database } from "../../database/database.ts";
import { selectAt } from "../../inbox/inbox-table.ts";
import { fingerprintOf } from "../../projector/fingerprint.ts";
import { projectInSavepoints, projectingOf, TRIAL_POSITION } from "../../projector/project.ts";

export type Trial = Readonly<{ outcome: Outcome; fingerprint: string | undefined }>;

/** What would become of one payload. */
export async function tryPayload(database: Database, domain: AnyDomain, payload: Buffer): Promise<Trial> {
  const [outcome] = await database.attempt(async (transaction) => {
    const row = {
      position: TRIAL_POSITION,
      messageId: "trial",
      payload,
      headersJson: undefined,
      receivedAtMs: Date.now(),
      publishedAt: undefined,
    };
    const trial = projectingOf(domain, { isLive: false });
    return (await projectInSavepoints(transaction, trial, [row])).outcomes;
  });
  return trialOf(outcome as Outcome);
}

export type DryRun = {
  letters: number;
  projected: number;
  duplicate: number;
  conflict: number;
  /** Everything else that would be dead again, by what is wrong with it, the most first. */
  failures: {
    fingerprint: string;
    code: string;
    letters: number;
    sample: bigint;
    errors: readonly Problem[];
  }[];
};

/**
 * What would become of the payloads at the given positions, redriven in this order.
 * @param onProgress is told how many are done.
 */
export async function dryRun(
  database: Database,
  domains: ReadonlyMap<string, AnyDomain>,
  positions: readonly bigint[],
  signal?: AbortSignal,
  onProgress: (done: number) => void = () => {},
): Promise<DryRun> {
  const result: DryRun = { letters: positions.length, projected: 0, duplicate: 0, conflict: 0, failures: [] };
  const failures = new Map<string, DryRun["failures"][number]>();
  for (let begin = 0; begin < positions.length; begin += TRANSACTION_LETTERS_MAX) {
    const part = positions.slice(begin, begin + TRANSACTION_LETTERS_MAX);
    await database.attempt(async (transaction) => {
      for (let done = 0; done < part.length; ) {
        signal?.throwIfAborted();
        const rows = await selectAt(transaction, part.slice(done, done + BATCH_LETTERS_MAX), BATCH_BYTES_MAX);
        for (const [name, domain] of domains) {
          const own = rows.filter((row) => row.domain === name);
          if (own.length === 0) continue;
          const tried = own.map((row, index) => ({
            ...row,
            position: TRIAL_POSITION + BigInt(done + index),
          }));
          const trial = projectingOf(domain, { isLive: false });
          const { outcomes } = await projectInSavepoints(transaction, trial, tried);
          for (const [index, outcome] of outcomes.entries()) {
            count(result, failures, own[index]?.position as bigint, trialOf(outcome));
          }
        }
        if (rows.length === 0) throw new Error("a dead letter has no row in the inbox");
        done += rows.length;
        onProgress(begin + done);
      }
    });
  }
  result.failures = [...failures.values()].sort((one, other) => other.letters - one.letters);
  return result;
}

function count(
  result: DryRun,
  failures: Map<string, DryRun["failures"][number]>,
  position: bigint,
  { outcome, fingerprint = "" }: Trial,
): void {
  if (outcome.kind !== "dead") {
    result[outcome.kind] += 1;
  } else if (outcome.rejection.code === "conflict") {
    result.conflict += 1;
  } else {
    const { code, problems } = outcome.rejection;
    const known = failures.get(fingerprint);
    if (known) known.letters += 1;
    else failures.set(fingerprint, { fingerprint, code, letters: 1, sample: position, errors: problems });
  }
}

function trialOf(outcome: Outcome): Trial {
  if (outcome.kind !== "dead") return { outcome, fingerprint: undefined };
  const { rejection } = outcome;
  // A trial has a position that will never be: nobody should look for it.
  const problems = rejection.problems.map((problem) => ({
    ...problem,
    received: problem.received.replace(/\bposition (\d+)/, (named, position: string) =>
      BigInt(position) >= TRIAL_POSITION ? "the position it would get" : named,
    ),
  }));
  return {
    outcome: { kind: "dead", rejection: { ...rejection, problems } },
    fingerprint: fingerprintOf(rejection),
  };
}

/** About a second of work: so long at most does a live message with the same id wait. */
const TRANSACTION_LETTERS_MAX = 10_000;
const BATCH_LETTERS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
