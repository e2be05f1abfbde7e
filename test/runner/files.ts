/** The test files of a run, slowest first. */
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Covered } from "./coverage.ts";

/** From `npm test`, `npm run test:long` and `npm run test:all`. */
export type Choice = Readonly<{ kind: "quick" | "long" | "all"; names: readonly string[] }>;

/** Tests of several folders, and the sources whose coverage they report. */
export const GROUPS: Readonly<Record<string, Covered & Readonly<{ names: readonly string[] }>>> = {
  marketplace: {
    names: [
      "marketplace",
      "test/domains/cart/",
      "test/domains/loms/",
      "test/domains/notifications/",
      "test/domains/product/",
    ],
    folders: ["src/domains/cart", "src/domains/loms"],
    linesMin: 70,
  },
};

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export function isLong(file: string): boolean {
  return file.endsWith(".long.test.ts");
}

/** A plain name selects both kinds, a group those of `kind`. */
export async function chooseFiles({ kind, names }: Choice): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("test/**/*.ts", { cwd: ROOT })) {
    const isTest = file.endsWith(".test.ts");
    const isKind = kind === "all" || isLong(file) === (kind === "long");
    // The runner's fixtures must be named in full.
    const isOf = (name: string) => file === name || (isTest && file.includes(name));
    const isNamed = names.some((name) => {
      const group = GROUPS[name];
      return group ? isKind && group.names.some(isOf) : isOf(name);
    });
    const isChosen = names.length > 0 ? isNamed : isTest && isKind;
    if (isChosen) files.push(file);
  }
  const durations = await readDurations();
  const seconds = (file: string) => durations[file] ?? UNKNOWN_SECONDS;
  // A slow file that starts last would run alone.
  return files.sort((one, other) => seconds(other) - seconds(one) || one.localeCompare(other));
}

type Durations = Readonly<Record<string, number>>;

async function readDurations(): Promise<Durations> {
  return JSON.parse(await readFile(DURATIONS, "utf8").catch(() => "{}"));
}

/** Files that did not run keep theirs. */
export async function recordDurations(
  results: readonly Readonly<{ file: string; seconds: number }>[],
): Promise<void> {
  const known = await readDurations();
  const measured = Object.fromEntries(results.map(({ file, seconds }) => [file, Math.ceil(seconds)]));
  const all = await chooseFiles({ kind: "all", names: [] });
  const lines = Object.entries({ ...known, ...measured })
    .filter(([file]) => all.includes(file))
    .sort(([one], [other]) => one.localeCompare(other));
  await writeFile(DURATIONS, `${JSON.stringify(Object.fromEntries(lines), null, 2)}\n`);
}

const DURATIONS = join(ROOT, "test", "durations.json");
/** Between quick and slow. */
const UNKNOWN_SECONDS = 10;
