/**
 * A process for steps, because an expression can allocate so much at once that V8 ends the process. Its thread evaluates;
 * this file stays responsive: it ends the thread if a payload exceeds a limit, and itself when the service is gone.
 */
import { on, once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Evaluated } from "./evaluate.ts";
import type { Answer, Invalid, Request } from "./thread.ts";

/** Of one payload. */
export type Result = Evaluated | Readonly<{ kind: "limit"; limit: "time" | "memory" }>;

export type Reply =
  | Invalid
  /** Of the first payloads: a request ends early at a limit or after some time. */
  | Readonly<{ kind: "results"; results: readonly Result[] }>
  /** The thread cannot run with any payload. */
  | Readonly<{ kind: "fault"; message: string }>;

let thread: Promise<Worker> | undefined;
/** The steps of the thread, which a new one needs again. */
let steps: string | undefined;

process.on("message", async (request: Request) => {
  process.send?.(
    await replyTo(request).catch((error: unknown): Reply => ({ kind: "fault", message: String(error) })),
  );
});

process.once("disconnect", () => process.exit());

async function replyTo(request: Request): Promise<Reply> {
  steps = request.steps ?? steps;
  const isNew = thread === undefined;
  thread ??= startThread();
  const running = await thread;
  const ended = new AbortController();
  const results: Result[] = [];
  // The time to start does not count.
  const timer = setTimeout(() => ended.abort(), request.timeMsMax * PATIENCE);
  try {
    // Throws if the thread exceeds its memory.
    const answers = on(running, "message", { signal: ended.signal });
    running.postMessage(isNew && steps !== undefined ? { ...request, steps } : request);
    for await (const [answer] of answers as AsyncIterable<[Answer]>) {
      if (answer.kind === "invalid") return answer;
      if (answer.kind === "end") break;
      results.push(answer);
      timer.refresh();
    }
    return { kind: "results", results };
  } catch (error) {
    thread = undefined;
    void running.terminate();
    const limit = ended.signal.aborted ? "time" : "memory";
    if (limit === "memory" && (error as { code?: unknown }).code !== OUT_OF_MEMORY) throw error;
    return { kind: "results", results: [...results, { kind: "limit", limit }] };
  } finally {
    clearTimeout(timer);
  }
}

async function startThread(): Promise<Worker> {
  const started = new Worker(new URL("thread.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  await once(started, "message");
  return started;
}

/** JSONata ends most evaluations in time by itself; a regular expression can run longer. */
const PATIENCE = 2.5;

/** Documents of a megabyte need up to half of it. */
const HEAP_MB_MAX = 128;

const OUT_OF_MEMORY = "ERR_WORKER_OUT_OF_MEMORY";
