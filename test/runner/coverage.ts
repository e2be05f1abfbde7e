/** Line coverage by V8's counts. Files that no process loaded count as uncovered. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { runGuarded } from "../../tools/stack/guard.ts";
import { ROOT } from "./files.ts";

export type Covered = Readonly<{
  /** Relative to the root. */
  folders: readonly string[];
  /** Required percentage. */
  linesMin: number;
}>;

export class Coverage {
  readonly #covered: Covered;
  readonly #counts: string;
  readonly #report: string;

  /** @param folder of the run. */
  constructor(covered: Covered, folder: string) {
    this.#covered = covered;
    this.#counts = join(folder, "coverage");
    this.#report = join(folder, "coverage-report");
  }

  /** The compile cache makes counts less exact. */
  get environment(): Readonly<Record<string, string>> {
    return { NODE_V8_COVERAGE: this.#counts, NODE_DISABLE_COMPILE_CACHE: "1" };
  }

  /** @returns the folders below the limit. */
  async report(): Promise<string | undefined> {
    const { folders, linesMin } = this.#covered;
    const includes = folders.flatMap((folder) => ["--src", folder, "--include", `${folder}/**/*.ts`]);
    const options = ["--all", "--extension", ".ts", "--reporter", "json-summary"];
    const places = ["--temp-directory", this.#counts, "--reports-dir", this.#report];
    const program = createRequire(import.meta.url).resolve("c8/bin/c8.js");
    const { status, stderr } = await runGuarded(
      process.execPath,
      [program, "report", ...options, ...places, ...includes],
      { cwd: ROOT },
    );
    if (status !== 0) return `the coverage report failed: ${stderr}`;
    const files = JSON.parse(await readFile(join(this.#report, "coverage-summary.json"), "utf8")) as Summary;
    const problems: string[] = [];
    for (const folder of folders) {
      const percent = percentOf(files, join(ROOT, folder));
      process.stdout.write(`lines covered of ${folder}: ${percent.toFixed(1)} %\n`);
      if (percent < linesMin) problems.push(`less than ${linesMin} % of the lines of ${folder} are covered`);
    }
    return problems.length > 0 ? problems.join("\n") : undefined;
  }
}

/** By path, and a total. */
type Summary = Readonly<Record<string, { lines: { total: number; covered: number } }>>;

function percentOf(files: Summary, folder: string): number {
  const lines = Object.entries(files).flatMap(([path, file]) =>
    path.startsWith(`${folder}/`) ? [file.lines] : [],
  );
  const sum = (name: "total" | "covered") => lines.reduce((total, file) => total + file[name], 0);
  return sum("total") === 0 ? 0 : (100 * sum("covered")) / sum("total");
}
