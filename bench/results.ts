/** bench/results.json, which holds the figures, and bench/RESULTS.md, which shows them. */
import { readFileSync } from "node:fs";
import { isMet, type Measurement, missedText, tableOf } from "./measurement.ts";

/** One run of the benchmark. */
export type Run = Readonly<{
  /** ISO date, such as 2026-11-25. */
  date: string;
  machine: string;
  seconds: number;
  results: readonly Measurement[];
}>;

/** The last run without a name and, by their names, the last kept run of other parts. */
export type Results = Run & Readonly<{ parts?: Readonly<Record<string, Run>> }>;

export const RESULTS_FILE = new URL("results.json", import.meta.url);

export const readResults = (): Results => JSON.parse(readFileSync(RESULTS_FILE, "utf8"));

export function resultsDocument(results: Results): string {
  return [
    "# Results",
    `Service, PostgreSQL, broker, publisher and load share one machine. A figure is the median of the rounds, with minimum and maximum in brackets; its limit is what the same machine could do in the same run. \`npm run bench\` measures the figures and writes results.json, from which \`npm run docs\` writes this page.`,
    runText("npm run bench", results),
    "## Missed goals",
    missedGoals(results),
    ...Object.entries(results.parts ?? {}).flatMap(([part, run]) => [
      `## ${part}`,
      runText(`npm run bench -- ${part}`, run),
    ]),
    "",
  ].join("\n\n");
}

/** What a named part measured, for a document. */
export function partText(results: Results, part: string): string {
  const run = results.parts?.[part];
  const command = `npm run bench -- ${part}`;
  return run ? runText(command, run) : `\`${command} --keep\` measures this table.`;
}

function runText(command: string, { date, machine, seconds, results }: Run): string {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return `\`${command}\` on ${date}, ${minutes} min, ${machine}:\n\n${tableOf(results).trimEnd()}`;
}

function missedGoals(results: Results): string {
  const runs = [results, ...Object.values(results.parts ?? {})];
  const missed = runs.flatMap((run) => run.results).filter((result) => isMet(result) === false);
  return missed.length === 0 ? "None." : missed.map((result) => `- ${missedText(result)}`).join("\n");
}
