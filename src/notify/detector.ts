/**
 * Decides which alerts fire: a pure function over successive readings. An alert fires after its condition held for some
 * time, and resolves after the condition was absent for a minute, so a flapping condition gives one alert.
 */
import { type Alert, type AlertKind, keyOf } from "./alert.ts";

/** A condition that holds now. */
export type Condition = Readonly<{ alert: Alert; holdSeconds: number }>;

export type Reading = Readonly<{
  atMs: number;
  conditions: readonly Condition[];
  /** Kinds that cannot be judged now; their alerts stay as they are. */
  unknown: readonly AlertKind[];
  /** Kinds that this process has not watched for long enough to say that an alert of before is over. */
  young: readonly AlertKind[];
}>;

/** By key. */
export type Tracked = ReadonlyMap<
  string,
  Readonly<{ alert: Alert; sinceMs: number; seenMs: number; fires: boolean }>
>;

export const NOTHING_TRACKED: Tracked = new Map();

export function detect(before: Tracked, { atMs, conditions, unknown }: Reading): Tracked {
  const after = new Map<string, { alert: Alert; sinceMs: number; seenMs: number; fires: boolean }>();
  for (const [key, tracked] of before) {
    if (unknown.includes(tracked.alert.kind)) after.set(key, { ...tracked, seenMs: atMs });
    else if (tracked.fires && atMs - tracked.seenMs < RESOLVE_MS) after.set(key, tracked);
  }
  for (const { alert, holdSeconds } of conditions) {
    const key = keyOf(alert);
    const earlier = before.get(key);
    const sinceMs = earlier?.sinceMs ?? atMs;
    const fires = (earlier?.fires ?? false) || atMs - sinceMs >= holdSeconds * 1000;
    after.set(key, { alert, sinceMs, seenMs: atMs, fires });
  }
  return after;
}

export function firingIn(tracked: Tracked): Alert[] {
  return [...tracked.values()].flatMap(({ alert, fires }) => (fires ? [alert] : []));
}

/** Longer than a restart of a broker or a process. */
const RESOLVE_MS = 60_000;
