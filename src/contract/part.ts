/**
 * A process is an ordered list of parts. They start in the order of the list, which is the order in which a message
 * flows, and stop in reverse. A part that lacks something (the schema, the database) waits for it and says so; readiness
 * shows what each part has to say.
 */

export interface Part {
  readonly name: string;
  /** The domain that the part belongs to; undefined if all depend on it. */
  readonly domain?: string;
  /** Resolves once the part runs. @throws if it cannot, or when the signal aborts. */
  start?(starting: Starting): Promise<void> | void;
  /** Finishes what is in flight. Called once, and only if `start` was called. Must not throw. */
  stop?(): Promise<void> | void;
  /** Why the part is not healthy, in words that may be public; empty if it is. */
  health?(): readonly string[];
}

export type Starting = Readonly<{
  /** Aborts when the process is asked to stop. */
  signal: AbortSignal;
  /** Reports what the part waits for, in words that may be public. */
  waiting: (reason: string) => void;
}>;

/** One reason why a process, or one domain of it, is not ready. */
export type Unready = Readonly<{ domain?: string; reason: string }>;

/** Parts that are started in order and stopped in reverse. */
export class Parts {
  readonly #parts: readonly Part[];
  readonly #stop = new AbortController();
  readonly #started: Part[] = [];
  #starting: Promise<void> | undefined;
  #waitingFor: string | undefined = "not started";

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** Resolves at once when `stop` is called. @throws what a part throws; the parts before it run on until `stop`. */
  start(): Promise<void> {
    this.#starting = this.#start().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stop.signal.aborted) return;
      this.#waitingFor = part.name;
      this.#started.push(part);
      await part.start?.({
        signal: this.#stop.signal,
        waiting: (reason) => {
          this.#waitingFor = `${part.name}: ${reason}`;
        },
      });
    }
    this.#waitingFor = undefined;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    // The caller of start has the error; what did start still has to stop.
    await this.#starting?.catch(() => {});
    for (const part of this.#started.reverse()) await part.stop?.();
  }

  /** Why the parts are not ready; empty if they are. */
  health(): Unready[] {
    const reasons: Unready[] = [];
    if (this.#stop.signal.aborted) reasons.push({ reason: "stopping" });
    else if (this.#waitingFor !== undefined) reasons.push({ reason: `starting: ${this.#waitingFor}` });
    for (const part of this.#parts) {
      for (const reason of part.health?.() ?? []) {
        reasons.push(part.domain === undefined ? { reason } : { domain: part.domain, reason });
      }
    }
    return reasons;
  }
}
