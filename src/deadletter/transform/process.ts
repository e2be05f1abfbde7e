/**
 * A process for steps, because an expression can allocate so much at once that V8 ends the process. Its thread evaluates;
 * this file stays responsive: it ends the thread after the time limit, and itself when the service is gone.
 */
import { Worker } from "node:worker_threads";
import type { Answer, Request } from "./thread.ts";

export type Reply = Answer | Readonly<{ kind: "limit"; limit: "time" | "memory" }>;

let thread: Worker | undefined;
/** Of the steps that the thread has. */
let steps: string | undefined;

process.on("message", (request: Request) => {
  if (request.steps !== undefined) steps = request.steps;
  const isNew = thread === undefined;
  thread ??= startThread();
  const running = thread;
  const timer = setTimeout(() => end("time"), request.timeMsMax * PATIENCE);
  const end = (limit: "time" | "memory") => {
    if (thread !== running) return;
    thread = undefined;
    void running.terminate();
    finish({ kind: "limit", limit });
  };
  const finish = (reply: Reply) => {
    clearTimeout(timer);
    running.removeAllListeners("message");
    process.send?.(reply);
  };
  running.once("message", finish);
  running.removeAllListeners("error").once("error", () => end("memory"));
  running.postMessage(isNew && steps !== undefined ? { ...request, steps } : request);
});

process.once("disconnect", () => process.exit());

function startThread(): Worker {
  return new Worker(new URL("thread.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
}

/** JSONata ends most evaluations in time by itself; a regular expression can run longer. */
const PATIENCE = 2.5;

/** Documents of a megabyte need up to half of it. */
const HEAP_MB_MAX = 128;
