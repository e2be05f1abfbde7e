/**
 * Parses batches. Where more than two processors are available, a thread of its own parses large batches: the main thread,
 * which is what limits the rate there, then spends a sixth of the time on them. With two, PostgreSQL and the broker need
 * the second one.
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import { type Order, parseOrder } from "./schema.ts";

export type Parsed = Order | Rejection;

/** Payloads in one piece, which is handed over without another copy. */
export type Sent = Readonly<{ bytes: Uint8Array<ArrayBuffer>; ends: Uint32Array<ArrayBuffer> }>;

export class OrderParser {
  readonly #script: URL;
  #hasThread: boolean;
  #thread: Worker | undefined;
  /** One batch at a time is in the thread. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    hasThread = availableParallelism() > PROCESSORS_OF_OTHERS,
    script = new URL("parsing-thread.ts", import.meta.url),
  ) {
    this.#hasThread = hasThread;
    this.#script = script;
  }

  /** Whether a thread parses large batches. False after it failed: the main thread parses then. */
  get hasThread(): boolean {
    return this.#hasThread;
  }

  async parse(payloads: readonly Buffer[]): Promise<Parsed[]> {
    if (this.#hasThread && payloads.length >= BATCH_MIN) {
      const parsing = this.#running.then(() => this.#parseInThread(payloads));
      this.#running = parsing;
      const parsed = await parsing;
      if (parsed) return parsed;
    }
    return mapInTurns(payloads, parseOrder);
  }

  /** @returns undefined if the thread failed. */
  async #parseInThread(payloads: readonly Buffer[]): Promise<Parsed[] | undefined> {
    if (!this.#hasThread) return undefined;
    this.#thread ??= new Worker(this.#script);
    const thread = this.#thread;
    const ended = new AbortController();
    const onExit = () => ended.abort();
    thread.once("exit", onExit);
    // An idle thread must not keep the process alive.
    thread.ref();
    try {
      const sent = inOnePiece(payloads);
      const answer = once(thread, "message", { signal: ended.signal });
      thread.postMessage(sent, [sent.bytes.buffer, sent.ends.buffer]);
      const [parsed] = (await answer) as [Parsed[]];
      return parsed;
    } catch {
      this.#hasThread = false;
      return undefined;
    } finally {
      thread.off("exit", onExit);
      thread.unref();
    }
  }
}

function inOnePiece(payloads: readonly Buffer[]): Sent {
  const ends = new Uint32Array(payloads.length);
  let length = 0;
  for (const [index, payload] of payloads.entries()) {
    length += payload.length;
    ends[index] = length;
  }
  const bytes = new Uint8Array(length);
  for (const [index, payload] of payloads.entries()) bytes.set(payload, ends[index - 1] ?? 0);
  return { bytes, ends };
}

/** PostgreSQL and the broker. */
const PROCESSORS_OF_OTHERS = 2;

/** Smaller batches take less time than the way to the thread and back. */
const BATCH_MIN = 100;

/** For all projections of the process. */
export const orderParser = new OrderParser();
