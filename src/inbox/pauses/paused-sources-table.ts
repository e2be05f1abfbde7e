/** The table `paused_sources`: one row per paused source of a domain. */
import type { Queryable } from "../../database/queryable.ts";

export type Pause = Readonly<{
  domain: string;
  source: string;
  author: string;
  /** Whether the author signed in with a token of this name. */
  isVerified: boolean;
  reason: string;
  pausedAt: Date;
}>;

/** @returns false if the source is paused already. */
export async function insertPause(
  transaction: Queryable,
  { domain, source, author, isVerified, reason }: Omit<Pause, "pausedAt">,
): Promise<boolean> {
  const { rows } = await transaction.query(
    `insert into paused_sources (domain, source, author, reason, is_verified) values ($1, $2, $3, $4, $5)
     on conflict (domain, source) do nothing returning domain`,
    [domain, source, author, reason, isVerified],
  );
  return rows.length > 0;
}

/** @returns false if the source is not paused. */
export async function deletePause(
  transaction: Queryable,
  { domain, source }: Pick<Pause, "domain" | "source">,
): Promise<boolean> {
  const { rows } = await transaction.query(
    "delete from paused_sources where domain = $1 and source = $2 returning domain",
    [domain, source],
  );
  return rows.length > 0;
}

export async function selectPauses(database: Queryable, domains: readonly string[]): Promise<Pause[]> {
  const { rows } = await database.query<Pause>(
    `select domain, source, author, is_verified as "isVerified", reason, paused_at as "pausedAt"
     from paused_sources where domain = any($1::text[]) order by domain, source`,
    [domains],
  );
  return rows;
}

/** Time since the domain's last pause ended: 0 during a pause, infinite if there was none. */
export async function selectSecondsSincePause(database: Queryable, domain: string): Promise<number> {
  const { rows } = await database.query<{ seconds: number }>(
    `select case
       when exists (select from paused_sources where domain = $1) then 0
       else coalesce(
         extract(epoch from now() - (select acted_at from source_actions where domain = $1 order by id desc limit 1)),
         'infinity'
       )::float8
     end as seconds`,
    [domain],
  );
  return rows[0]?.seconds ?? Number.POSITIVE_INFINITY;
}
