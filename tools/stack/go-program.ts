/** Finds Go programs in an environment variable, on PATH or in the tool folder; otherwise builds them there. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOnce } from "./build-once.ts";
import { runGuarded } from "./guard.ts";

export type GoProgram = Readonly<{
  name: string;
  /** On PATH. */
  file: string;
  /** After `go install`: the last part of the package path. */
  builtFile: string;
  /** Environment variable with the path. */
  variable: string;
  /** For `go install`; with `module`, the package in it. */
  source: string;
  /** `path@version`, if it has replace directives. */
  module?: string;
}>;

/** @returns undefined if it is not available. */
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

export function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: RUNS_TIMEOUT_MS }).status === 0;
}

/** `go install` refuses modules with replace directives, so those are built from a wrapper module. */
async function build(program: GoProgram, folder: string, say: (text: string) => void): Promise<boolean> {
  if (!program.module) return run(["install", ...QUICKLY, program.source], { GOBIN: folder }, say);
  const [path = "", version = ""] = program.module.split("@");
  const downloaded = await runGuarded("go", ["mod", "download", "-json", program.module], {});
  if (downloaded.status !== 0) return false;
  const { Dir, Sum, GoModSum } = JSON.parse(downloaded.stdout) as Record<string, string>;
  const wrapper = join(folder, "module");
  await mkdir(wrapper, { recursive: true });
  // The module's own requirements and checksums, so that exactly its release is built.
  const goMod = await readFile(join(Dir as string, "go.mod"), "utf8");
  const goSum = await readFile(join(Dir as string, "go.sum"), "utf8");
  const named = goMod.replace(/^module .*$/m, "module build");
  await writeFile(join(wrapper, "go.mod"), `${named}\nrequire ${path} ${version}\n`);
  await writeFile(
    join(wrapper, "go.sum"),
    `${goSum}${path} ${version} ${Sum}\n${path} ${version}/go.mod ${GoModSum}\n`,
  );
  const target = join(folder, program.builtFile);
  return run(["build", "-C", wrapper, ...QUICKLY, "-mod=mod", "-o", target, program.source], {}, say);
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

/** Without debug information and C: saves a sixth of the time and a third of the file. */
const QUICKLY = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];

const TOOLS_FOLDER =
  process.env.WAYBILL_TOOLS_FOLDER || fileURLToPath(new URL("../../.tools/bin", import.meta.url));
/** Java and Maven need seconds on a busy machine; a longer wait means that the program hangs. */
const RUNS_TIMEOUT_MS = 60_000;
