/** JSON documents of redrives, dry runs and decisions. */
import { type } from "arktype";
import { defined } from "../../contract/values/shapes.ts";
import { LISTED_PROBLEMS_MAX } from "../find/dead-letter-pages-table.ts";
import { shape, verified } from "../shapes.ts";
import type { DiffLine } from "../show/diff.ts";
import { problemDocument } from "../show/documents.ts";
import type { Mask } from "../show/mask.ts";
import type { LocatedProblem } from "../show/view.ts";
import type { BulkDecision } from "./bulk-decisions-table.ts";
import type { BulkRedrive, FailureGroup } from "./bulk-redrives-table.ts";
import type { DryRun, Trial } from "./dry-run.ts";

export const trialType = shape({
  dry_run: "true",
  outcome: "'projected' | 'duplicate' | 'dead'",
  errors: "problem[]",
  "code?": "code",
  "fingerprint?": "fingerprint",
  "original_position?": "position",
  "diff?": "diff",
});

export const dryRunType = shape({
  dry_run: "true",
  letters: "count",
  projected: "count",
  duplicate: "count",
  conflict: "count",
  dead: "count",
  not_run_here: type("Record<string, number>").describe(
    "letters of domains that do not run in this process, by domain; not tried",
  ),
  failures: shape({
    domain: "string",
    fingerprint: "fingerprint",
    code: "code",
    count: "count",
    sample: "position",
    errors: "problem[]",
  }).array(),
});

export const bulkType = shape({
  id: "string",
  domain: "string",
  filter: "Record<string, string>",
  author: "string",
  is_verified: verified,
  reason: "string",
  failures_max: "count",
  status: "'running' | 'finished' | 'stopped' | 'cancelled'",
  letters: "count",
  redriven: "count",
  skipped: "count",
  projected: "count",
  duplicate: "count",
  dead: "count",
  created_at: "time",
  updated_at: "time",
  "failures?": shape({
    fingerprint: "fingerprint",
    code: "code",
    count: "count",
    sample: "position",
  }).array(),
});

export const bulksType = shape({ redrives: bulkType.array() });

export const bulkDecisionType = shape({
  id: "string",
  action: "'discard' | 'restore'",
  filter: "Record<string, string>",
  author: "string",
  is_verified: verified,
  reason: "string",
  status: "'running' | 'finished' | 'cancelled'",
  letters: "count",
  decided: "count",
  skipped: "count",
  created_at: "time",
  updated_at: "time",
});

export const bulkDecisionsType = shape({ decisions: bulkDecisionType.array() });

export const decisionTrialType = shape({ dry_run: "true", letters: "count" });

export const redrivenType = shape({
  position: "position",
  redrive_position: "position",
  links: { redriven_as: "string" },
});

export const decidedType = shape({ position: "position", state: "state" });

/** @param problems with their ranges, masked or not. */
export function trialDocument(
  { outcome, fingerprint }: Trial,
  problems: readonly LocatedProblem[],
  diff: DiffLine[] | undefined,
): typeof trialType.infer {
  const rejection = outcome.kind === "dead" ? outcome.rejection : undefined;
  const original = outcome.kind === "duplicate" ? outcome.originalPosition : rejection?.originalPosition;
  return defined({
    dry_run: true as const,
    outcome: outcome.kind,
    code: rejection?.code,
    fingerprint,
    original_position: original?.toString(),
    errors: problems.map(problemDocument),
    diff,
  });
}

export function dryRunDocument(run: DryRun, maskOf: (domain: string) => Mask): typeof dryRunType.infer {
  const { letters, projected, duplicate, conflict, notRunHere, failures } = run;
  return {
    dry_run: true,
    letters,
    projected,
    duplicate,
    conflict,
    dead: failures.reduce((sum, failure) => sum + failure.letters, 0),
    not_run_here: Object.fromEntries(notRunHere),
    failures: failures.map((failure) => ({
      domain: failure.domain,
      fingerprint: failure.fingerprint,
      code: failure.code,
      count: failure.letters,
      sample: String(failure.sample),
      errors: failure.errors
        .slice(0, LISTED_PROBLEMS_MAX)
        .map((problem) => problemDocument(maskOf(failure.domain).problem(problem))),
    })),
  };
}

export function bulkDocument(bulk: BulkRedrive, failures?: readonly FailureGroup[]): typeof bulkType.infer {
  return defined({
    id: String(bulk.id),
    domain: bulk.domain,
    filter: bulk.filter,
    author: bulk.author,
    is_verified: bulk.isVerified,
    reason: bulk.reason,
    failures_max: Number(bulk.failuresMax),
    status: bulk.status,
    letters: Number(bulk.letters),
    redriven: Number(bulk.redriven),
    skipped: Number(bulk.skipped),
    projected: Number(bulk.projected),
    duplicate: Number(bulk.duplicate),
    dead: Number(bulk.dead),
    created_at: bulk.createdAt.toISOString(),
    updated_at: bulk.updatedAt.toISOString(),
    failures: failures?.map(({ fingerprint, code, letters, samplePosition }) => ({
      fingerprint,
      code,
      count: Number(letters),
      sample: String(samplePosition),
    })),
  });
}

export function bulkDecisionDocument(bulk: BulkDecision): typeof bulkDecisionType.infer {
  return {
    id: String(bulk.id),
    action: bulk.action,
    filter: bulk.filter,
    author: bulk.author,
    is_verified: bulk.isVerified,
    reason: bulk.reason,
    status: bulk.status,
    letters: Number(bulk.letters),
    decided: Number(bulk.decided),
    skipped: Number(bulk.skipped),
    created_at: bulk.createdAt.toISOString(),
    updated_at: bulk.updatedAt.toISOString(),
  };
}
