/** The thread that evaluates payloads for `process.ts`, one at a time. */
import { parentPort } from "node:worker_threads";
import { parseExactly } from "../../contract/values/exact-json.ts";
import { type Bounds, compile, type Evaluated, evaluate, type Program, SyntaxFailure } from "./evaluate.ts";

/** `steps`: JSON; absent if they are those of the request before. */
export type Request = Bounds & Readonly<{ steps?: string; payload?: Uint8Array }>;

export type Answer =
  | Evaluated
  | Readonly<{ kind: "ready" }>
  | Readonly<{ kind: "invalid"; step: number; message: string }>;

let program: Program = [];

parentPort?.on("message", async (request: Request) => {
  parentPort?.postMessage(await answer(request));
});

// Everything is loaded; process.ts waits for this.
parentPort?.postMessage("started");

async function answer({ steps, payload, ...bounds }: Request): Promise<Answer> {
  try {
    if (steps !== undefined) program = compile(parseExactly(steps) as Parameters<typeof compile>[0], bounds);
  } catch (error) {
    if (error instanceof SyntaxFailure) return { kind: "invalid", step: error.step, message: error.message };
    throw error;
  }
  return payload ? evaluate(program, payload, bounds.bytesMax) : { kind: "ready" };
}
