/**
 * Applies steps to payloads in a process of its own, so that no expression can stop or slow down this one. The process
 * starts with the first payload, serves all callers in turn, and ends when it is idle or this process ends.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { InvalidInputError } from "../../contract/errors.ts";
import type { Bounds, Evaluated } from "./evaluate.ts";
import type { Reply } from "./process.ts";
import type { Step } from "./steps.ts";
import type { Request } from "./thread.ts";

export type Transformed = Evaluated;

export class Transformer {
  readonly #bounds: Bounds;
  #child: ChildProcess | undefined;
  /** The steps that the child has. */
  #steps: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  /** @param bytesMax of a transformed payload. */
  constructor(bytesMax: number, timeMsMax = TIME_MS_MAX) {
    this.#bounds = { bytesMax, timeMsMax };
  }

  /** @throws InvalidInputError if an expression cannot be parsed. */
  async begin(steps: readonly Step[]): Promise<Transformation> {
    const text = JSON.stringify(steps);
    const reply = await this.ask(text);
    if (reply.kind === "invalid") throw invalidExpression(reply.step, reply.message);
    return this.continue(text);
  }

  /** @param steps JSON, checked before. */
  continue(steps: string): Transformation {
    return new Transformation(this, steps);
  }

  /** @param payload undefined to only check the steps. */
  ask(steps: string, payload?: Uint8Array): Promise<Reply> {
    const reply = this.#last.then(() => this.#send(steps, payload));
    this.#last = reply.catch(() => {});
    return reply;
  }

  async #send(steps: string, payload: Uint8Array | undefined): Promise<Reply> {
    clearTimeout(this.#idle);
    this.#child ??= this.#start();
    const child = this.#child;
    child.ref();
    child.channel?.ref();
    const request: Request = {
      ...this.#bounds,
      ...(steps === this.#steps ? {} : { steps }),
      ...(payload ? { payload } : {}),
    };
    this.#steps = steps;
    const answered = new AbortController();
    try {
      const { signal } = answered;
      const ended = once(child, "exit", { signal }).then((): [Reply] => {
        this.#forget(child);
        return [{ kind: "limit", limit: "memory" }];
      });
      child.send(request, () => {});
      const [reply] = (await Promise.race([once(child, "message", { signal }), ended])) as [Reply];
      return reply;
    } finally {
      answered.abort();
      child.unref();
      child.channel?.unref();
      this.#idle = setTimeout(() => this.#forget(child), IDLE_MS_MAX).unref();
    }
  }

  #start(): ChildProcess {
    return fork(fileURLToPath(new URL("process.ts", import.meta.url)), {
      execArgv: [],
      env: {},
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
  }

  #forget(child: ChildProcess): void {
    if (child.connected) child.disconnect();
    if (this.#child === child) this.#child = this.#steps = undefined;
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

  /** @throws LimitError if it reached its limits of time or memory repeatedly. */
  async apply(payload: Buffer): Promise<Transformed> {
    const reply = await this.#transformer.ask(this.#steps, payload);
    if (reply.kind === "ready" || reply.kind === "invalid") throw new Error(`unexpected reply ${reply.kind}`);
    const isLimit = reply.kind === "limit" || (reply.kind === "failed" && reply.isLimit);
    if (isLimit && ++this.#limits === LIMITS_MAX) throw new LimitError();
    if (reply.kind !== "limit") return reply;
    const problem = {
      path: "",
      rule: `${reply.limit}_max`,
      expected: reply.limit === "time" ? "a result within seconds" : "a result within 128 MB of memory",
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

function invalidExpression(step: number, message: string): InvalidInputError {
  const name = `steps.${step}.expression`;
  return new InvalidInputError(name, `${name} must be a JSONata expression: ${message}`);
}

/** A thousand times what an ordinary payload takes. */
const TIME_MS_MAX = 2_000;

/** Each can take seconds. */
const LIMITS_MAX = 3;

/** Starting costs a tenth of a second; previews follow each other within seconds. */
const IDLE_MS_MAX = 10_000;
