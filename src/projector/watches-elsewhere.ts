/** Waits for domains that other processes run: one watch per domain, only while callers wait. */
import type { OutcomeName } from "../contract/domain.ts";
import type { CheckpointWatch } from "./checkpoint-watch.ts";

type Shared = { watch: CheckpointWatch; callers: number };

export class WatchesElsewhere {
  readonly #create: (domain: string) => CheckpointWatch;
  readonly #shared = new Map<string, Shared>();

  /** @param create starts nothing. */
  constructor(create: (domain: string) => CheckpointWatch) {
    this.#create = create;
  }

  /** @returns `pending` if the signal aborts first. */
  async settled(domain: string, position: bigint, signal: AbortSignal): Promise<OutcomeName> {
    const shared = this.#shared.get(domain) ?? this.#open(domain);
    shared.callers += 1;
    try {
      return await shared.watch.settled(position, signal);
    } finally {
      shared.callers -= 1;
      if (shared.callers === 0) {
        this.#shared.delete(domain);
        shared.watch.stop();
      }
    }
  }

  #open(domain: string): Shared {
    const shared = { watch: this.#create(domain), callers: 0 };
    this.#shared.set(domain, shared);
    shared.watch.start();
    return shared;
  }
}
