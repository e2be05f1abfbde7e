/** Runs the project's commands as their users do. */
import { spawn } from "node:child_process";

export type Ended = Readonly<{ status: number | null; stdout: string; stderr: string; output: string }>;

/**
 * Runs a script to its end. What it writes is passed on, marked, so that the runner sees that the file goes on.
 * @param environment the whole of it; without, that of this process.
 * @param input its standard input.
 */
export async function runScript(
  script: string,
  args: readonly string[],
  { environment, input }: { environment?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], environment ? { env: environment } : {});
  const texts = { stdout: "", stderr: "", output: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      texts[name] += chunk.toString();
      texts.output += chunk.toString();
      process.stderr.write(chunk.toString().replace(/^/gm, "| "));
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
