/**
 * Ends interrupted checkouts in the background. Every process does it, because each step can be repeated; jitter
 * spreads the processes.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DomainContext } from "../../../contract/domain.ts";
import { selectOpenCheckouts } from "../checkouts-table.ts";
import type { Checkouts } from "./checkouts.ts";

export type ResumeOptions = Readonly<{
  context: Pick<DomainContext, "database" | "logger">;
  checkouts: Pick<Checkouts, "finish">;
  /** Minimum age of a checkout, and maximum pause between rounds. */
  resumeSeconds: number;
  /** Called after each attempt. */
  onResumed: (result: ResumeResult) => void;
}>;

export type ResumeResult = "ended" | "open";

/** Runs until the signal aborts. */
export async function resumeCheckouts(options: ResumeOptions, signal: AbortSignal): Promise<void> {
  const { resumeSeconds, context } = options;
  let after = 0n;
  while (!signal.aborted) {
    try {
      after = await resumeSome(options, after, signal);
    } catch (error) {
      if (!signal.aborted) context.logger.debug({ err: error }, "open checkouts could not be read");
    }
    const pauseMs = resumeSeconds * 1_000 * (0.5 + Math.random() / 2);
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/**
 * One round, the oldest first. It ends at the first checkout that stays open, because the others probably would too.
 * @param after end of the last round, so that one checkout cannot block the others.
 * @returns the end of this round; 0 after the last checkout.
 */
export async function resumeSome(
  { context, checkouts, resumeSeconds, onResumed }: ResumeOptions,
  after: bigint,
  signal: AbortSignal,
): Promise<bigint> {
  const wanted = { after, ageSeconds: resumeSeconds, limit: CHECKOUTS_A_ROUND };
  const open = await selectOpenCheckouts(context.database, wanted);
  for (const { id, openedPosition } of open) {
    if (signal.aborted) return after;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    try {
      await checkouts.finish(id, { requestHeader: new Headers(), signal: patience });
      onResumed("ended");
    } catch (error) {
      if (signal.aborted) return after;
      onResumed("open");
      const position = String(openedPosition);
      context.logger.warn({ position, err: error }, "a checkout could not be finished yet");
      return openedPosition;
    }
  }
  return open.length === CHECKOUTS_A_ROUND ? (open.at(-1)?.openedPosition ?? 0n) : 0n;
}

/** Bounds the length of a round. */
const CHECKOUTS_A_ROUND = 50;
/** Longest attempt of a round; the next round repeats it. */
const PATIENCE_MS = 10_000;
