/**
 * No more than so many calls in any second, over all processes with the same database. Each call gets a slot; the slots
 * are apart by the same time, are kept in one row (rate-limits-table.ts), and there is no burst. A call whose slot would
 * come after its deadline gets none and fails at once.
 *
 * What holds: no call is sent before its slot, or later than LATENESS_MAX_MS after it: one that this process is too
 * late for gives its slot back and takes another. The slots of N + 1 calls span a second and MARGIN_MS, so the other
 * service counts at most N in any second as long as no call takes MARGIN_MS - LATENESS_MAX_MS longer on its way than
 * another one. What does not hold: that, if the network or the other service delays single calls by more. The margin
 * costs a tenth of the rate. A slot whose caller goes away while it waits is lost.
 */
import { setTimeout as delay } from "node:timers/promises";
import { TooManyCallsError, UnavailableError } from "../contract/errors.ts";
import type { Queryable } from "../database/queryable.ts";
import { type Slot, takeSlot } from "./rate-limits-table.ts";

export class Limiter {
  readonly #database: Queryable;
  /** The statement that was sent last. One at a time: who waits for a connection would seem to be late for its slot. */
  #lastTaken: Promise<unknown> = Promise.resolve();

  constructor(database: Queryable) {
    this.#database = database;
  }

  /**
   * Resolves when the call may be sent.
   * @param deadlineAt by the clock of `performance`.
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
      // The statement gave the moment at some time between these two, and waited for its turn before that.
      const latestAt = answered + slot.inMs;
      const earliestAt = asked + slot.queuedMs + slot.inMs;
      // Only if the database was slow to take the statement; the slot is lost.
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

/** By how much a call may take longer on its way than another one, lateness of its sender included. */
const MARGIN_MS = 100;

/** What a busy process is late by now and then; a process that always is gets no turn, rather than breaking the limit. */
const LATENESS_MAX_MS = 50;
