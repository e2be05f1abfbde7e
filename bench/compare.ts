/**
 * Runs parts of the bench on another revision and on this one, in the order before, after, after, before, so that drift
 * of the machine affects both. The other revision gets a work tree of its own, which is removed at the end.
 */
import { existsSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidInputError } from "../src/contract/errors.ts";
import { openDataFolder } from "../tools/stack/data-folder.ts";
import { runGuarded } from "../tools/stack/guard.ts";
import { amount, type Measurement, median, spread, toRatio } from "./measurement.ts";

type Compared = Readonly<{
  name: string;
  unit: string;
  before: readonly number[];
  after: readonly number[];
}>;

/**
 * @param signal ends the run.
 * @returns every figure that both revisions measure.
 * @throws InvalidInputError for an unknown revision; an error named AbortError.
 */
export async function compareWith(
  revision: string,
  parts: readonly string[],
  options: readonly string[],
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Compared[]> {
  const commit = await resolveRevision(revision);
  await using data = await openDataFolder("compare");
  const before = join(data.path, "before");
  await using worktree = await addWorktree(commit, before);
  await installInto(worktree.path, say);
  const turns: { before: Measurement[][]; after: Measurement[][] } = { before: [], after: [] };
  for (const [index, which] of (["before", "after", "after", "before"] as const).entries()) {
    say(`turn ${index + 1} of 4: ${which === "before" ? revision : "this revision"}`);
    const root = which === "before" ? before : ROOT;
    // Each in a process of its own, because older revisions accept one name.
    for (const part of parts) turns[which].push(await runBench(root, [part, ...options], signal, say));
  }
  return merge(turns.before, turns.after);
}

/** Medians of all rounds of both turns, with minimum and maximum; the ratio is that of the medians. */
export function comparisonTable(revision: string, compared: readonly Compared[]): string {
  const rows = compared.map(
    ({ name, unit, before, after }) =>
      `| ${name} | ${spread(before, amount)} ${unit} | ${spread(after, amount)} ${unit} | ${toRatio(median(after) / median(before))} |`,
  );
  return [`| what | ${revision} | this revision | ratio |`, "|---|---|---|---|", ...rows, ""].join("\n");
}

export function merge(
  before: readonly (readonly Measurement[])[],
  after: readonly (readonly Measurement[])[],
): Compared[] {
  const figuresOf = (turns: readonly (readonly Measurement[])[], name: string) =>
    turns.flatMap((turn) =>
      turn.filter((measurement) => measurement.name === name).flatMap(({ figures }) => figures),
    );
  const names = new Map(after.flat().map(({ name, unit }) => [name, unit]));
  return [...names].flatMap(([name, unit]) => {
    const [old, current] = [figuresOf(before, name), figuresOf(after, name)];
    return old.length === 0 ? [] : [{ name, unit, before: old, after: current }];
  });
}

async function resolveRevision(revision: string): Promise<string> {
  const { status, stdout } = await git(
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${revision}^{commit}`,
  );
  if (status !== 0) throw new InvalidInputError("compare", `git knows no revision ${revision}`);
  return stdout.trim();
}

async function addWorktree(commit: string, path: string): Promise<AsyncDisposable & { path: string }> {
  // Of a run that was killed.
  await git("worktree", "prune");
  const { status, stderr } = await git("worktree", "add", "--detach", path, commit);
  if (status !== 0) throw new Error(`git worktree add failed: ${stderr.trim()}`);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await git("worktree", "remove", "--force", path);
    },
  };
}

/** Shares the packages if both revisions have the same, and the programs that were built. */
async function installInto(path: string, say: (text: string) => void): Promise<void> {
  const [one, other] = await Promise.all(
    [ROOT, path].map((root) => readFile(join(root, "package-lock.json"), "utf8")),
  );
  if (one === other) await symlink(join(ROOT, "node_modules"), join(path, "node_modules"));
  else {
    say("installing the packages of the other revision");
    const { status, stderr } = await runGuarded("npm", ["ci", "--no-audit", "--no-fund"], { cwd: path });
    if (status !== 0) throw new Error(`npm ci failed: ${stderr.trim()}`);
  }
  const tools = join(ROOT, ".tools");
  if (existsSync(tools)) await symlink(tools, join(path, ".tools"));
}

async function runBench(
  root: string,
  args: readonly string[],
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const { status, stdout, stderr } = await runGuarded(
    process.execPath,
    ["bench/main.ts", ...args, "--json"],
    {
      cwd: root,
      signal,
      onErrorOutput: (text) => say(text.trimEnd()),
    },
  );
  if (status !== 0)
    throw new Error(`the bench ended with status ${status}: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout) as Measurement[];
}

const git = (...args: string[]) => runGuarded("git", args, { cwd: ROOT });

const ROOT = fileURLToPath(new URL("..", import.meta.url));
