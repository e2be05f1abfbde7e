/** Totals of the groups of dead letters that are growing. */
import type { Queryable } from "../database/queryable.ts";
import { type GroupTotal, WINDOW_MS } from "./growth.ts";

export async function selectGrowingGroups(
  database: Queryable,
  domains: readonly string[],
): Promise<GroupTotal[]> {
  const { rows } = await database.query<GroupTotal>(
    `select domain, fingerprint, min(code) as code, sum(open + redriven + discarded)::bigint as letters,
            min(first_received_at) as "firstReceivedAt"
     from dead_letter_groups where domain = any($1::text[])
     group by domain, fingerprint
     having max(last_received_at) > now() - make_interval(secs => $2)
     order by letters desc, fingerprint limit ${GROUPS_MAX}`,
    [domains, WINDOW_MS / 1000],
  );
  return rows;
}

/** Bounds the alerts. */
const GROUPS_MAX = 100;
