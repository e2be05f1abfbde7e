/**
 * A process for steps, because an expression can allocate so much at once that V8 ends the process. Its thread evaluates;
 * this file stays responsive: it ends the thread after the time limit, and itself when the service is gone.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Answer, Request } from "./thread.ts";

export type Reply = Answer | Readonly<{ kind: "limit"; limit: "time" | "memory" }>;

let thread: Promise<Worker> | undefined;
/** The steps of the thread, which a new one needs again. */
let steps: string | undefined;

process.on("message", async (request: Request) => {
  process.send?.(await replyTo(request));
});

process.once("disconnect", () => process.exit());

async function replyTo(request: Request): Promise<Reply> {
  steps = request.steps ?? steps;
  const isNew = thread === undefined;
  thread ??= startThread();
  const running = await thread;
  const ended = new AbortController();
  const { signal } = ended;
  // The time to start does not count.
  const timer = setTimeout(() => ended.abort(), request.timeMsMax * PATIENCE);
  try {
    running.postMessage(isNew && steps !== undefined ? { ...request, steps } : request);
    // Rejects if the thread exceeds its memory.
    const [answer] = (await once(running, "message", { signal })) as [Answer];
    return answer;
  } catch {
    thread = undefined;
    void running.terminate();
    return { kind: "limit", limit: signal.aborted ? "time" : "memory" };
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
