/**
 * A process is an ordered list of parts. They start in list order, the direction in which messages flow, and stop in
 * reverse. A part waits for what it lacks; readiness shows why.
 */

export interface Part {
  readonly name: string;
  /** Undefined if all domains depend on the part. */
  readonly domain?: string;
  /** Resolves once the part runs. @throws if it cannot, or when the signal aborts. */
  start?(starting: Starting): Promise<void> | void;
  /** Called once, and only after `start`. Must not throw. */
  stop?(): Promise<void> | void;
  /** Public reasons; empty if the part is healthy. */
  health?(): readonly string[];
}

export type Starting = Readonly<{
  signal: AbortSignal;
  /** Reports what the part waits for; public. */
  waiting: (reason: string) => void;
}>;

export type Unready = Readonly<{ domain?: string; reason: string }>;

export class Parts {
  readonly #parts: readonly Part[];
  readonly #stop = new AbortController();
  readonly #started: Part[] = [];
  #starting: Promise<void> | undefined;
  #waitingFor: string | undefined = "not started";

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** Resolves early if `stop` is called. @throws the error of a part; the parts before it run until `stop`. */
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
    // `start` reported the error; parts that did start must still stop.
    await this.#starting?.catch(() => {});
    for (const part of this.#started.reverse()) await part.stop?.();
  }

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
