/**
 * Programs that are written in Go and come with no package of npm: looked for in an environment variable, on PATH and
 * in the project's tool folder, then built there.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./build-once.ts";
import { runGuarded } from "./guard.ts";

export type GoProgram = Readonly<{
  /** What people call it. */
  name: string;
  /** The file that it is on PATH. */
  file: string;
  /** The file that `go install` makes of it, which is the last part of its package's path. */
  builtFile: string;
  /** Names the file where it is somewhere else. */
  variable: string;
  /** What `go install` is given; with `module`, the package in it. */
  source: string;
  /** `path@version` of a module with replacements of its own. */
  module?: string;
}>;

/** Finds or builds a program, and says what it does. @returns its path; undefined where it cannot be had. */
export async function findGoProgram(
  program: GoProgram,
  say: (text: string) => void,
): Promise<string | undefined> {
  const given = process.env[program.variable];
  if (given) {
    if (isExecutable(given)) return given;
    throw new Error(`${program.variable} is set to ${given}, which is not an executable file`);
  }
  const folder = program.file === program.builtFile ? TOOLS_FOLDER : join(TOOLS_FOLDER, program.file);
  const onPath = (process.env.PATH ?? "").split(delimiter).map((part) => join(part, program.file));
  const found = [...onPath, join(folder, program.builtFile)].find(isExecutable);
  if (found) return found;
  if (!runs("go", ["version"])) return undefined;
  const target = join(folder, program.builtFile);
  const building = {
    what: `building ${program.name} with Go, once (about a minute)`,
    target,
    isThere: () => isExecutable(target),
    build: () => build(program, folder, say),
  };
  return (await buildOnce(building, say)) ? target : undefined;
}

/** Whether a command can be run at all. */
export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: RUNS_TIMEOUT_MS }).status === 0;
}

/** `go install` refuses a module that replaces others; such a one is built from a module around it. */
async function build(program: GoProgram, folder: string, say: (text: string) => void): Promise<boolean> {
  if (!program.module) return run(["install", ...QUICKLY, program.source], { GOBIN: folder }, say);
  const [path = "", version = ""] = program.module.split("@");
  const downloaded = await runGuarded("go", ["mod", "download", "-json", program.module], {});
  if (downloaded.status !== 0) return false;
  const { Dir, Sum, GoModSum } = JSON.parse(downloaded.stdout) as Record<string, string>;
  const around = join(folder, "module");
  await mkdir(around, { recursive: true });
  // Its own list of what it needs, what it replaces, and their sums, so that exactly its own release is built.
  const goMod = await readFile(join(Dir as string, "go.mod"), "utf8");
  const goSum = await readFile(join(Dir as string, "go.sum"), "utf8");
  const named = goMod.replace(/^module .*$/m, "module build");
  await writeFile(join(around, "go.mod"), `${named}\nrequire ${path} ${version}\n`);
  await writeFile(
    join(around, "go.sum"),
    `${goSum}${path} ${version} ${Sum}\n${path} ${version}/go.mod ${GoModSum}\n`,
  );
  const target = join(folder, program.builtFile);
  return run(["build", "-C", around, ...QUICKLY, "-mod=mod", "-o", target, program.source], {}, say);
}

async function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  say: (text: string) => void,
): Promise<boolean> {
  const { status, stderr } = await runGuarded("go", args, {
    env: { ...process.env, CGO_ENABLED: "0", ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) say(`go ${args[0]} failed: ${stderr.trim().split("\n").at(-1)}`);
  return status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Without what only a debugger reads, and without C: a sixth of the work, and a third of the file, is saved. */
const QUICKLY = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];

/** Of the project, unless the environment names another one. */
const TOOLS_FOLDER =
  process.env.WAYBILL_TOOLS_FOLDER || fileURLToPath(new URL("../../.tools/bin", import.meta.url));
/** A program that hangs counts as absent; Java and Maven need seconds to say their version on a busy machine. */
const RUNS_TIMEOUT_MS = 60_000;
