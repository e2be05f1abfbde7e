/** Runs the project's commands like their users do. */
import { spawn } from "node:child_process";
import { COMPILED } from "../../tools/stack/compiled.ts";

export type Ended = Readonly<{ status: number | null; stdout: string; stderr: string; output: string }>;
export type Environment = Readonly<Record<string, string>>;

/**
 * Runs a script to its end. Forwards its output with a mark, so that the runner sees progress.
 * @param environment all of it, except PATH and variables that all Node processes share; by default that of this
 * process.
 * @param input standard input.
 */
export async function runScript(
  script: string,
  args: readonly string[],
  { environment, input }: { environment?: Environment; input?: string } = {},
): Promise<Ended> {
  const env = environment && { PATH: process.env.PATH, ...COMPILED, ...environment };
  const child = spawn(process.execPath, [script, ...args], env ? { env } : {});
  const texts = { stdout: "", stderr: "", output: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => {
      texts[name] += text;
      texts.output += text;
      process.stderr.write(text.replace(/^/gm, "| "));
    });
  }
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { status, ...texts };
}
