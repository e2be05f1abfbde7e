/** Previews and dry runs of transformations as text for a terminal. */
import type { Desk } from "../deadletter/desk.ts";
import { dryRunText } from "./deadletters-text.ts";
import { tableOf, visible } from "./print.ts";

type Preview = Awaited<ReturnType<Desk["transforms"]["preview"]>>;
type Trial = Awaited<ReturnType<Desk["transforms"]["dryRun"]>>;
type Problem = Trial["not_applied"][number]["problem"];

export function previewText({ samples }: Preview): string {
  if (samples.length === 0) return "No open dead letter matches.";
  return samples.map((sample) => [headOf(sample), ...diffOf(sample)].join("\n")).join("\n\n");
}

function headOf({
  position,
  result,
  outcome,
  code,
  errors,
  step,
  problem,
  unmatched_steps,
}: Preview["samples"][number]) {
  const unmatched = unmatched_steps.map((index) => `\n  step ${index + 1}: its path leads nowhere`).join("");
  if (result === "unchanged") return `${position}: unchanged${unmatched}`;
  if (problem) return `${position}: step ${(step ?? 0) + 1} cannot be applied: ${problemText(problem)}`;
  const [first] = errors;
  const failure = first ? `: ${visible(`${first.path} ${first.expected}`)}` : "";
  const verdict =
    outcome === "dead"
      ? `would fail again (${code})${failure}`
      : `would be ${outcome ?? "tried by another process"}`;
  return `${position}: ${verdict}${unmatched}`;
}

function diffOf({ diff = [] }: Preview["samples"][number]): string[] {
  const signs = { same: " ", removed: "-", added: "+", skipped: "…" };
  return diff.map(({ kind, text }) =>
    visible(`  ${signs[kind]} ${kind === "skipped" ? `${text} equal lines` : text}`),
  );
}

export function transformTrialText(trial: Trial): string {
  const { unchanged, unchanged_sample, not_applied, conflict_sample } = trial;
  const notes = [
    ...(unchanged > 0
      ? [`${unchanged} are not changed by the steps and stay open, such as ${unchanged_sample}.`]
      : []),
    ...(conflict_sample
      ? [
          `Conflict: ${conflict_sample.position} would have the id of ${"original_position" in conflict_sample ? `position ${conflict_sample.original_position}` : "another of these letters"}, with other content.`,
        ]
      : []),
    ...(not_applied.length > 0
      ? [
          `The steps cannot be applied to these, which stay open:\n${tableOf(
            ["DOMAIN", "STEP", "COUNT", "SAMPLE", "PROBLEM"],
            not_applied.map(({ domain, step, count, sample, problem }) => [
              domain,
              step + 1,
              count,
              sample,
              problemText(problem),
            ]),
          )}`,
        ]
      : []),
    ...(trial.projected > 0 ? ["Nothing was changed; --yes runs it."] : []),
  ];
  return [dryRunText(trial), ...notes].join("\n");
}

function problemText({ path, expected, received, excerpt }: Problem): string {
  return visible(
    `${path || "the document"}: ${expected}, not ${received}${excerpt === undefined ? "" : ` ${excerpt}`}`,
  );
}
