/**
 * Applies steps to payloads in a process of its own, so that no expression can stop or slow down this one. The process
 * starts with the first payload, serves all callers in turn, and ends when it is idle or this process ends. Payloads are
 * sent many at a time; the limits of time and memory are those of each.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { InvalidInputError } from "../../contract/errors.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Bounds, Evaluated } from "./evaluate.ts";
import type { Reply, Result } from "./process.ts";
import type { Step } from "./steps.ts";
import type { Request } from "./thread.ts";

export type Transformed = Evaluated;

type Ended = Readonly<{ kind: "ended"; code: number | null; signal: NodeJS.Signals | null }>;

export class Transformer {
  readonly #logger: Logger;
  readonly #bounds: Bounds;
  readonly #file: string;
  #child: ChildProcess | undefined;
  /** The steps that the child has. */
  #steps: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  /** @param bytesMax of a transformed payload. */
  constructor(
    bytesMax: number,
    logger: Logger,
    { timeMsMax = TIME_MS_MAX, file = PROCESS_FILE }: Readonly<{ timeMsMax?: number; file?: string }> = {},
  ) {
    this.#logger = logger;
    this.#bounds = { bytesMax, timeMsMax };
    this.#file = file;
  }

  /** @throws InvalidInputError if an expression cannot be parsed; TransformerError */
  async begin(steps: readonly Step[]): Promise<Transformation> {
    const text = JSON.stringify(steps);
    await this.ask(text, []);
    return this.continue(text);
  }

  /** @param steps JSON, checked before. */
  continue(steps: string): Transformation {
    return new Transformation(this, steps);
  }

  /**
   * @param payloads none to only check the steps.
   * @returns results of the first payloads; of none if the process ended and cannot say at which of several.
   * @throws InvalidInputError if an expression cannot be parsed; TransformerError
   */
  async ask(steps: string, payloads: readonly Uint8Array[]): Promise<readonly Result[]> {
    const sent = this.#last.then(() => this.#send(steps, payloads));
    this.#last = sent.catch(() => {});
    const reply = await sent;
    switch (reply.kind) {
      case "results":
        return reply.results;
      case "invalid":
        throw invalidExpression(reply.step, reply.message);
      case "fault":
        throw this.#broken(reply.message);
      case "ended": {
        const { code, signal } = reply;
        if (code !== null) throw this.#broken(`exit code ${code}`);
        // Ctrl-C ends all processes of a terminal.
        if (!OUT_OF_MEMORY.has(String(signal))) throw new Error(`the process for steps ended by ${signal}`);
        return payloads.length === 1 ? [{ kind: "limit", limit: "memory" }] : [];
      }
    }
  }

  async #send(steps: string, payloads: readonly Uint8Array[]): Promise<Reply | Ended> {
    clearTimeout(this.#idle);
    this.#child ??= this.#start();
    const child = this.#child;
    child.ref();
    child.channel?.ref();
    const request: Request = { ...this.#bounds, ...(steps === this.#steps ? {} : { steps }), payloads };
    this.#steps = steps;
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const ended = once(child, "exit", { signal }).then(([code, endedBy]): [Ended] => [
        { kind: "ended", code, signal: endedBy },
      ]);
      // If it cannot be sent, the process has ended.
      child.send(request, () => {});
      const [reply] = (await Promise.race([once(child, "message", { signal }), ended])) as [Reply | Ended];
      return reply;
    } catch (error) {
      this.#forget(child);
      throw error;
    } finally {
      answered.abort();
      child.unref();
      child.channel?.unref();
      this.#idle = setTimeout(() => this.#forget(child), IDLE_MS_MAX).unref();
    }
  }

  #start(): ChildProcess {
    const child = fork(this.#file, {
      execArgv: [],
      env: {},
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    return child.once("exit", () => this.#forget(child));
  }

  #forget(child: ChildProcess): void {
    if (child.connected) child.disconnect();
    if (this.#child === child) this.#child = this.#steps = undefined;
  }

  #broken(reason: string): TransformerError {
    const error = new TransformerError(reason);
    this.#logger.error({ reason }, error.message);
    return error;
  }
}

/** One list of steps, applied to any number of payloads. */
export class Transformation {
  readonly #transformer: Transformer;
  readonly #steps: string;
  #limits = 0;

  constructor(transformer: Transformer, steps: string) {
    this.#transformer = transformer;
    this.#steps = steps;
  }

  /** @throws LimitError if it reached its limits of time or memory repeatedly; TransformerError */
  async apply(payload: Buffer): Promise<Transformed> {
    for await (const transformed of this.applyEach([payload])) return transformed;
    throw new Error("a payload has no result");
  }

  /** @returns the results in order. @throws LimitError, TransformerError, both at the first payload without a result */
  async *applyEach(payloads: readonly Buffer[]): AsyncGenerator<Transformed> {
    let sentAlone = 0;
    for (let done = 0; done < payloads.length; ) {
      const end = done < sentAlone ? done + 1 : endOfBatch(payloads, done);
      const results = await this.#transformer.ask(this.#steps, payloads.slice(done, end));
      // One of them ended the process, and only that one must fail.
      if (results.length === 0) sentAlone = end;
      for (const result of results) yield this.#transformed(result);
      done += results.length;
    }
  }

  #transformed(result: Result): Transformed {
    const isLimit = result.kind === "limit" || (result.kind === "failed" && result.isLimit);
    if (isLimit && ++this.#limits === LIMITS_MAX) throw new LimitError();
    if (result.kind !== "limit") return result;
    const problem = {
      path: "",
      rule: `${result.limit}_max`,
      expected: result.limit === "time" ? "a result within seconds" : "a result within 128 MB of memory",
      received: "none",
    };
    return { kind: "failed", step: 0, problem, isLimit: true };
  }
}

/** The steps loop or grow without limit, so more payloads would only take time. */
export class LimitError extends InvalidInputError {
  constructor() {
    super("steps", `the steps reached their limit of time or memory for ${LIMITS_MAX} letters`);
  }
}

/** The process for steps does not work with any steps or payload. */
export class TransformerError extends Error {
  constructor(reason: string) {
    super(`the process that applies steps failed: ${reason}`);
  }
}

function invalidExpression(step: number, message: string): InvalidInputError {
  const name = `steps.${step}.expression`;
  return new InvalidInputError(name, `${name} must be a JSONata expression: ${message}`);
}

/** At least one payload. */
function endOfBatch(payloads: readonly Buffer[], begin: number): number {
  let end = begin;
  for (let bytes = 0; end < payloads.length && end - begin < BATCH_LETTERS_MAX; end++) {
    bytes += payloads[end]?.length ?? 0;
    if (end > begin && bytes > BATCH_BYTES_MAX) break;
  }
  return end;
}

const PROCESS_FILE = fileURLToPath(new URL("process.ts", import.meta.url));

/** How V8 and the kernel end a process without memory. */
const OUT_OF_MEMORY: ReadonlySet<string> = new Set(["SIGABRT", "SIGTRAP", "SIGILL", "SIGSEGV", "SIGKILL"]);

/** A thousand times what an ordinary payload takes. */
const TIME_MS_MAX = 2_000;

/** Each can take seconds. */
const LIMITS_MAX = 3;

/** Starting costs a tenth of a second; previews follow each other within seconds. */
const IDLE_MS_MAX = 10_000;

/** Larger batches are not faster. */
const BATCH_LETTERS_MAX = 200;
const BATCH_BYTES_MAX = 1024 * 1024;
