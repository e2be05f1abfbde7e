/** The table `notify_alerts`: the alerts of all processes, and what the webhook was told of each. */
import type { Queryable } from "../database/queryable.ts";
import { type Alert, type AlertKind, keyOf } from "./alert.ts";

export type Claimed = Readonly<{
  id: string;
  alert: Alert;
  startedAt: Date;
  endedAt: Date | null;
  /** This one included. */
  attempts: number;
}>;

/** A known alert is seen again; a new one begins. */
export async function upsertAlerts(database: Queryable, alerts: readonly Alert[]): Promise<void> {
  await database.query(
    `insert into notify_alerts (key, alert) select key, alert from unnest($1::text[], $2::jsonb[]) as seen (key, alert)
     on conflict (key) where ended_at is null do update set seen_at = now(), alert = excluded.alert`,
    [alerts.map(keyOf), alerts.map((alert) => JSON.stringify(alert))],
  );
}

export async function endUnseenAlerts(
  database: Queryable,
  seconds: number,
  except: readonly AlertKind[],
): Promise<void> {
  await database.query(
    `update notify_alerts set ended_at = now(), attempts = 0
     where ended_at is null and seen_at < now() - make_interval(secs => $1)
       and alert ->> 'kind' <> all ($2::text[])`,
    [seconds, except],
  );
}

export async function deleteOldAlerts(database: Queryable, days: number): Promise<void> {
  await database.query("delete from notify_alerts where ended_at < now() - make_interval(days => $1)", [
    days,
  ]);
}

/**
 * An alert whose state is not delivered yet. Until the lease ends, no other process claims it.
 * @param repeatSeconds after which a firing alert is sent again; null: never.
 */
export async function claimAlert(
  database: Queryable,
  leaseSeconds: number,
  repeatSeconds: number | null,
): Promise<Claimed | undefined> {
  const { rows } = await database.query<Claimed>(
    `update notify_alerts set attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $1)
     where id = (
       select id from notify_alerts
       where next_attempt_at <= now() and (${IS_DUE} or ended_at is null and settled_at < now() - make_interval(secs => $2))
       order by next_attempt_at, started_at limit 1 for update skip locked
     )
     returning id, alert, started_at as "startedAt", ended_at as "endedAt", attempts`,
    [leaseSeconds, repeatSeconds],
  );
  return rows[0];
}

export async function settleAlert(
  database: Queryable,
  id: string,
  state: "firing" | "resolved",
): Promise<void> {
  await database.query(
    `update notify_alerts set settled = $2, settled_at = now(), attempts = 0, next_attempt_at = now() where id = $1`,
    [id, state],
  );
}

export async function postponeAlert(database: Queryable, id: string, seconds: number): Promise<void> {
  await database.query(
    "update notify_alerts set next_attempt_at = now() + make_interval(secs => $2) where id = $1",
    [id, seconds],
  );
}

export async function countDueAlerts(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count from notify_alerts where ${IS_DUE}`,
  );
  return rows[0]?.count ?? 0;
}

/** An alert that ended before its begin was delivered is told once, as resolved. */
const IS_DUE = "settled is distinct from case when ended_at is null then 'firing' else 'resolved' end";
