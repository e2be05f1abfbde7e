/**
 * The reconnect loop of every source that depends on a broker or a database. It opens a connection, waits until the
 * connection ends, and opens the next one, with capped backoff, until the source stops. It keeps the source's health, and
 * logs the loss of a connection and its return once each, however many attempts lie between them.
 */
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "../../contract/describe-error.ts";
import type { Health } from "../../contract/source.ts";
import { backoffMilliseconds } from "../../database/backoff.ts";
import type { Logger } from "../../telemetry/logger.ts";

export type KeepConnectedOptions = Readonly<{
  source: string;
  channel: string;
  /** Aborted when the source stops: the connection that is open may finish, and no other one is opened. */
  signal: AbortSignal;
  /** Told of each change of the source's health. */
  onState: (health: Health) => void;
  logger: Logger;
  /** Time, for tests. */
  clock?: Clock;
  /** Milliseconds until the next attempt, by the number of failures before it. */
  backoff?: (failures: number) => number;
}>;

export type Clock = Readonly<{
  /** Milliseconds since any fixed moment. */
  now: () => number;
  /** Resolves after that time, or early when the signal aborts. */
  wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}>;

/**
 * The broker answered, and does not accept what this source asked for. Only an operator can change that, so it is not
 * reported as a broker that is unavailable. It is retried all the same, because the operator may change the broker.
 */
export class SettingsRefusedError extends Error {}

/**
 * Keeps one connection open until `signal` aborts and the last connection has ended.
 * @param open opens a connection, calls `onConnected` once messages can arrive, and settles when the connection has
 * ended: it rejects with the reason, or resolves if the connection was closed.
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
      const awaySeconds = Math.round((connectedAt - since) / 1000);
      if (attempts === 0) logger.info({ source, channel }, "source connected");
      else logger.info({ source, channel, attempts, awaySeconds }, "source connected again");
      outage = { since: connectedAt, attempts: 0, reasons: new Set() };
    }).then(
      () => new Error("the connection was closed"),
      (cause: unknown) => cause,
    );
    if (signal.aborted) break;
    const reason = describeError(error);
    onState({ connected: false, reason });
    const endedAt = clock.now();
    // A connection that breaks again and again at once must not reset the backoff each time.
    if (connectedAt !== undefined && endedAt - connectedAt >= STABLE_MS) failures = 0;
    if (connectedAt !== undefined) outage.since = endedAt;
    const waitMilliseconds = Math.round(backoff(failures++));
    const context = { source, channel, attempt: ++outage.attempts, waitMilliseconds, reason };
    // Each reason once: a cause that hides behind another one is not lost, and an outage of an hour is one line.
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

/** A connection that lasted as long as the longest backoff was a good one. */
const STABLE_MS = 5_000;
