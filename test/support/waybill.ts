/** Runs commands within this process: starting one costs ten times most of them. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "../../src/cli/command.ts";
import { waybill } from "../../src/cli/waybill.ts";
import type { Ended, Environment } from "./command.ts";

/**
 * Runs the same program, from arguments to exit status, but without a process's start and end. One at a time.
 * @param environment variables that differ from those of this process.
 */
export function runWaybill(args: readonly string[], environment: Environment = {}): Promise<Ended> {
  return captured(() => run(waybill, args), environment);
}

/** Runs a script of package.json in the same way, with its own copy of the script's module. One at a time. */
export function runHere(
  script: string,
  args: readonly string[],
  environment: Environment = {},
): Promise<Ended> {
  return captured(async () => {
    const { argv } = process;
    process.argv = [process.execPath, script, ...args];
    try {
      await import(`${pathToFileURL(resolve(script))}?copy=${copies++}`);
    } finally {
      process.argv = argv;
    }
  }, environment);
}

let copies = 0;

async function captured(work: () => Promise<void>, environment: Environment): Promise<Ended> {
  const texts = { stdout: "", stderr: "", output: "" };
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  const { exit, exitCode } = process;
  const listening = SIGNALS.map((signal) => process.listeners(signal));
  const writes = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: Uint8Array | string) => {
      const text = Buffer.from(chunk as string).toString();
      texts[name] += text;
      texts.output += text;
      return true;
    };
  }
  Object.assign(process.env, environment);
  process.exitCode = undefined;
  process.exit = (status) => {
    throw new Exit(Number(status));
  };
  try {
    const status = await work().then(
      () => Number(process.exitCode ?? 0),
      (error: unknown) => {
        if (error instanceof Exit) return error.status;
        throw error;
      },
    );
    return { status, ...texts };
  } finally {
    process.exit = exit;
    // Listeners that the command leaves would keep this process from ending.
    for (const [index, signal] of SIGNALS.entries()) {
      for (const listener of process.listeners(signal))
        if (!listening[index]?.includes(listener)) process.off(signal, listener);
    }
    process.exitCode = exitCode;
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    Object.assign(process.stdout, { write: writes.stdout });
    Object.assign(process.stderr, { write: writes.stderr });
  }
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Thrown in place of the process's exit. */
class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit with ${status}`);
    this.status = status;
  }
}
