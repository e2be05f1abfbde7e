/** The thread that evaluates payloads for `process.ts`, one after the other. */
import { parentPort } from "node:worker_threads";
import { parseExactly } from "../../contract/values/exact-json.ts";
import { type Bounds, compile, type Evaluated, evaluate, type Program, SyntaxFailure } from "./evaluate.ts";

/** `steps`: JSON; absent if they are those of the request before. `payloads`: empty to only check the steps. */
export type Request = Bounds & Readonly<{ steps?: string; payloads: readonly Uint8Array[] }>;

export type Invalid = Readonly<{ kind: "invalid"; step: number; message: string }>;

/** The last one of a request is `invalid` or `end`; before it, one for each payload in order. */
export type Answer = Evaluated | Invalid | Readonly<{ kind: "end" }>;

let program: Program = [];

parentPort?.on("message", async (request: Request) => {
  for await (const answer of answers(request)) parentPort?.postMessage(answer);
});

// Everything is loaded; process.ts waits for this.
parentPort?.postMessage("started");

async function* answers({ steps, payloads, ...bounds }: Request): AsyncGenerator<Answer> {
  try {
    if (steps !== undefined) program = compile(parseExactly(steps) as Parameters<typeof compile>[0], bounds);
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error;
    return yield { kind: "invalid", step: error.step, message: error.message };
  }
  const endsAt = performance.now() + REQUEST_MS_MAX;
  for (const payload of payloads) {
    yield await evaluate(program, payload, bounds.bytesMax);
    if (performance.now() > endsAt) break;
  }
  yield { kind: "end" };
}

/** Other callers wait for a request; what it leaves is asked for again. */
const REQUEST_MS_MAX = 500;
