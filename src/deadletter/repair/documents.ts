/** JSON documents of redrives, dry runs and decisions. */
import { type } from "../../config/types.ts";
import { jsonTypeOf } from "../../contract/rejection.ts";
import { parseExactly } from "../../contract/values/exact-json.ts";
import { defined } from "../../contract/values/shapes.ts";
import { LISTED_PROBLEMS_MAX } from "../find/dead-letter-pages-table.ts";
import type { DeadLetterPage } from "../find/find.ts";
import { shape, verified } from "../shapes.ts";
import type { DiffLine } from "../show/diff.ts";
import { problemDocument } from "../show/documents.ts";
import type { Mask } from "../show/mask.ts";
import type { LocatedProblem } from "../show/view.ts";
import { type Step, stepsType } from "../transform/steps.ts";
import type { BulkDecision } from "./bulk-decisions-table.ts";
import type { BulkRedrive, FailureGroup } from "./bulk-redrives-table.ts";
import type { DryRun, Trial } from "./dry-run.ts";
import { type Sample, suggestedFor } from "./preview.ts";

export const trialType = shape({
  dry_run: "true",
  outcome: "'projected' | 'duplicate' | 'dead'",
  errors: "problem[]",
  "code?": "code",
  "fingerprint?": "fingerprint",
  "original_position?": "position",
  "diff?": "diff",
}).configure({ title: "DryRun" }, "self");

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
}).configure({ title: "BulkDryRun" }, "self");

export const transformTrialType = shape({
  "...": dryRunType,
  unchanged: "count",
  "unchanged_sample?": "position",
  not_applied: shape({
    domain: "string",
    step: "count",
    count: "count",
    sample: "position",
    problem: "problem",
  })
    .array()
    .describe("letters that the steps cannot be applied to, by step (from 0) and cause"),
  "conflict_sample?": { position: "position", "original_position?": "position" },
});

const sampleType = shape({
  position: "position",
  domain: "string",
  fingerprint: "fingerprint",
  result: "'changed' | 'unchanged' | 'not_applied'",
  unmatched_steps: "count[]",
  errors: "problem[]",
  "outcome?": "'projected' | 'duplicate' | 'dead'",
  "code?": "code",
  "original_position?": "position",
  "diff?": "diff",
  "step?": "count",
  "problem?": "problem",
});

export const previewType = shape({
  letters: shape({ letters: "count", is_exact: "boolean" }).or("null"),
  samples: sampleType.array(),
  suggested_steps: stepsType,
});

export type PreviewDocument = typeof previewType.infer;

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
  "left_open?": type("number.integer >= 0").describe("not changed by the steps, or not applicable to them"),
  "steps?": stepsType,
  "problem?": type("string").describe("why it stopped, unless letters failed again"),
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
}).configure({ title: "BulkRedrive" }, "self");

export const bulksType = shape({ redrives: bulkType.array() }).configure({ title: "BulkRedrives" }, "self");

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
}).configure({ title: "BulkDecision" }, "self");

export const bulkDecisionsType = shape({ decisions: bulkDecisionType.array() }).configure(
  { title: "BulkDecisions" },
  "self",
);

export const decisionTrialType = shape({ dry_run: "true", letters: "count" }).configure(
  { title: "BulkDecisionDryRun" },
  "self",
);

export const redrivenType = shape({
  position: "position",
  redrive_position: "position",
  links: { redriven_as: "string" },
}).configure({ title: "Redriven" }, "self");

export const decidedType = shape({ position: "position", state: "state" }).configure(
  { title: "Decided" },
  "self",
);

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

export function transformTrialDocument(
  run: DryRun,
  maskOf: (domain: string) => Mask,
): typeof transformTrialType.infer {
  const { unchanged, unchangedSample, notApplied, conflictSample } = run;
  return defined({
    ...dryRunDocument(run, maskOf),
    unchanged,
    unchanged_sample: unchangedSample?.toString(),
    not_applied: notApplied.map(({ domain, step, letters, sample, problem }) => ({
      domain,
      step,
      count: letters,
      sample: String(sample),
      problem: problemDocument(maskOf(domain).problem(problem)),
    })),
    conflict_sample:
      conflictSample &&
      defined({
        position: String(conflictSample.position),
        original_position: conflictSample.originalPosition?.toString(),
      }),
  });
}

/** @param samples masked; an undefined trial means that the domain does not run here. */
function sampleDocument({ letter, result, trial, diff }: Sample, mask: Mask): typeof sampleType.infer {
  const outcome = trial && trialDocument(trial, [], undefined);
  const problems = trial?.outcome.kind === "dead" ? trial.outcome.rejection.problems : [];
  return defined({
    position: String(letter.position),
    domain: letter.domain,
    fingerprint: letter.fingerprint,
    result: result.kind === "failed" ? ("not_applied" as const) : result.kind,
    unmatched_steps: result.kind === "failed" ? [] : [...result.unmatched],
    errors: problems.slice(0, LISTED_PROBLEMS_MAX).map((problem) => problemDocument(mask.problem(problem))),
    outcome: outcome?.outcome,
    code: outcome?.code,
    original_position: outcome?.original_position,
    diff,
    step: result.kind === "failed" ? result.step : undefined,
    problem: result.kind === "failed" ? problemDocument(mask.problem(result.problem)) : undefined,
  });
}

/** @param page of the letters that the samples were taken from. */
export function previewDocument(
  { letters, total }: DeadLetterPage,
  samples: readonly Sample[],
  maskOf: (domain: string) => Mask,
): PreviewDocument {
  return {
    letters: total ? { letters: Number(total.letters), is_exact: total.isExact } : null,
    samples: samples.map((sample) => sampleDocument(sample, maskOf(sample.letter.domain))),
    suggested_steps: suggestedFor(letters),
  };
}

/** Values for personal places are masked. */
function shownSteps(steps: string, mask: Mask): Step[] {
  return (parseExactly(steps) as Step[]).map((step) => {
    if (step.op !== "set") return step;
    const { path } = step;
    const received = jsonTypeOf(step.value);
    const problem = { path: path.replaceAll("#", "0"), rule: "", expected: "", received, excerpt: "" };
    return mask.problem(problem).excerpt === "" ? step : { ...step, value: mask.problem(problem).excerpt };
  });
}

export function bulkDocument(
  bulk: BulkRedrive,
  mask: Mask,
  failures?: readonly FailureGroup[],
): typeof bulkType.infer {
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
    left_open: bulk.steps === null ? undefined : Number(bulk.leftOpen),
    steps: bulk.steps === null ? undefined : shownSteps(bulk.steps, mask),
    problem: bulk.problem ?? undefined,
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
