/**
 * Finishes, in the background, checkouts that were cut: their process died, their caller hung up, or the order service was
 * away. Every process does it, since each step of a checkout can be repeated; the pauses have jitter, so that processes
 * do not ask at one moment.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DomainContext } from "../../../contract/domain.ts";
import { selectOpenCheckouts } from "../checkouts-table.ts";
import type { Checkouts } from "./checkouts.ts";

export type ResumeOptions = Readonly<{
  context: Pick<DomainContext, "database" | "logger">;
  checkouts: Pick<Checkouts, "finish">;
  /** The age from which on a checkout is taken up; also the longest pause between two rounds. */
  resumeSeconds: number;
  /** Told of each attempt: whether the checkout has ended. */
  onResumed: (result: ResumeResult) => void;
}>;

export type ResumeResult = "ended" | "open";

/** Resolves when the signal aborts. */
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
 * One round, the oldest first. It ends at the first checkout that stays open: mostly the others would too.
 * @param after where the last round ended. The next one goes on behind it, so that one that cannot be finished keeps no
 * other waiting.
 * @returns where this round ended; 0 if it came to the last one.
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

/** Enough to catch up after an outage, and few enough that one round is soon over. */
const CHECKOUTS_A_ROUND = 50;
/** An order service that has not answered by then is asked again in the next round. */
const PATIENCE_MS = 10_000;
