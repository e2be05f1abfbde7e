/**
 * At most N calls in any second, over all processes with the same database. Each call takes a slot; slots are evenly
 * spaced, without bursts, and kept in one row (rate-limits-table.ts). A call without a slot before its deadline fails at
 * once.
 *
 * A call is sent within LATENESS_MAX_MS after its slot; if this process is later, the call gives its slot back and takes
 * another. N + 1 slots span a second plus MARGIN_MS, so the other service counts at most N in any second unless one call
 * travels more than MARGIN_MS - LATENESS_MAX_MS longer than another. A cancelled call loses its slot.
 */
import { setTimeout as delay } from "node:timers/promises";
import { TooManyCallsError, UnavailableError } from "../contract/errors.ts";
import type { Queryable } from "../database/queryable.ts";
import { type Slot, takeSlot } from "./rate-limits-table.ts";

export class Limiter {
  readonly #database: Queryable;
  /** One statement at a time: otherwise time spent waiting for a connection would count as lateness. */
  #lastTaken: Promise<unknown> = Promise.resolve();

  constructor(database: Queryable) {
    this.#database = database;
  }

  /**
   * Resolves when the call may be sent.
   * @param deadlineAt in milliseconds by the clock of `performance`.
   * @throws TooManyCallsError if there is no slot before the deadline; UnavailableError if the signal aborts first.
   */
  async wait(
    { name, perSecond }: Readonly<{ name: string; perSecond: number }>,
    deadlineAt: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const intervalMs = (1_000 + MARGIN_MS) / perSecond;
    let slot: Slot | undefined;
    for (;;) {
      const missed = slot;
      const taken = this.#lastTaken.then(async () => {
        if (signal?.aborted) throw hasEnded();
        const asked = performance.now();
        const next = await takeSlot(this.#database, name, intervalMs, deadlineAt - asked, missed);
        return { asked, next };
      });
      this.#lastTaken = taken.catch(() => {});
      const { asked, next } = await taken;
      if (!next) throw tooOften(name);
      slot = next;
      const answered = performance.now();
      // The server read its clock between these two moments.
      const latestAt = answered + slot.inMs;
      const earliestAt = asked + slot.queuedMs + slot.inMs;
      // The database was slow; the slot is lost.
      if (latestAt >= deadlineAt) throw tooOften(name);
      await delay(Math.max(0, latestAt - answered), undefined, signal ? { signal } : {}).catch(() => {});
      if (signal?.aborted) throw hasEnded();
      // A timer may fire a fraction of a millisecond early.
      while (performance.now() < latestAt) await delay(1);
      if (performance.now() - earliestAt <= LATENESS_MAX_MS) return;
    }
  }
}

function hasEnded(): UnavailableError {
  return new UnavailableError("the call has ended before its turn came", 1);
}

function tooOften(name: string): TooManyCallsError {
  return new TooManyCallsError(`there is no turn in time under the limit ${name}`, 1);
}

/** Tolerated difference between the delays of two calls, lateness included; it costs a tenth of the rate. */
const MARGIN_MS = 100;

/** A busy process is this late at times; one that always is gets no turn, rather than breaking the limit. */
const LATENESS_MAX_MS = 50;
