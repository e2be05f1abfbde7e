/**
 * The reconnect loop of every source, with capped backoff. It keeps the source's health and logs each disconnect and
 * reconnect once, however many attempts lie between them.
 */
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "../../contract/describe-error.ts";
import type { Health } from "../../contract/source.ts";
import { backoffMilliseconds } from "../../database/backoff.ts";
import type { Logger } from "../../telemetry/logger.ts";

export type KeepConnectedOptions = Readonly<{
  source: string;
  channel: string;
  /** Aborts when the source stops; the open connection may finish. */
  signal: AbortSignal;
  onState: (health: Health) => void;
  logger: Logger;
  /** For tests. */
  clock?: Clock;
  backoff?: (failures: number) => number;
}>;

export type Clock = Readonly<{
  now: () => number;
  /** Ends early if the signal aborts. */
  wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}>;

/**
 * The broker rejects the source's settings. Only an operator can fix that, so it is reported as such; retries continue,
 * because the fix may be at the broker.
 */
export class SettingsRefusedError extends Error {}

/**
 * Returns after `signal` aborted and the last connection ended.
 * @param open calls `onConnected` once messages can arrive, and settles when the connection ends.
 */
export async function keepConnected(
  open: (onConnected: () => void) => Promise<void>,
  options: KeepConnectedOptions,
): Promise<void> {
  const { source, channel, signal, onState, logger } = options;
  const { clock = SYSTEM_CLOCK, backoff = backoffMilliseconds } = options;
  let failures = 0;
  let outage = { since: clock.now(), attempts: 0, reasons: new Set<string>() };
  while (!signal.aborted) {
    let connectedAt: number | undefined;
    const error = await open(() => {
      connectedAt = clock.now();
      onState({ connected: true });
      const { since, attempts } = outage;
      const outageSeconds = Math.round((connectedAt - since) / 1000);
      if (attempts === 0) logger.info({ source, channel }, "source connected");
      else logger.info({ source, channel, attempts, outageSeconds }, "source reconnected");
      outage = { since: connectedAt, attempts: 0, reasons: new Set() };
    }).then(
      () => new Error("the connection was closed"),
      (cause: unknown) => cause,
    );
    if (signal.aborted) break;
    const reason = describeError(error);
    onState({ connected: false, reason });
    const endedAt = clock.now();
    // A connection that breaks at once must not reset the backoff.
    if (connectedAt !== undefined && endedAt - connectedAt >= STABLE_MS) failures = 0;
    if (connectedAt !== undefined) outage.since = endedAt;
    const waitMilliseconds = Math.round(backoff(failures++));
    const context = { source, channel, attempt: ++outage.attempts, waitMilliseconds, reason };
    // Each reason once: a second cause still shows, and an hour's outage is one line.
    if (outage.reasons.has(reason)) logger.debug(context, "source still not connected");
    else if (error instanceof SettingsRefusedError) {
      logger.error(context, "the broker refuses the settings of the source; retrying");
    } else logger.warn(context, "source not connected; retrying");
    outage.reasons.add(reason);
    await clock.wait(waitMilliseconds, signal);
  }
  onState({ connected: false, reason: "closed" });
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {}),
};

/** As long as the longest backoff. */
const STABLE_MS = 5_000;
