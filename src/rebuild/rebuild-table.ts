/**
 * The statements of a rebuild: a schema beside the live one with the same tables, what differs between the two, and
 * taking that over. Names of tables are those of the code and of its domains, never of anybody who asks.
 */
import pg from "pg";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";

const name = pg.escapeIdentifier;

/** Where a domain is rebuilt; put first in the search path, its tables stand for the live ones. */
export function shadowSchemaOf(domain: string): string {
  return `rebuild_${domain}`;
}

/** Held for as long as the connection lives. @returns false where somebody else holds it. */
export async function tryRebuildLock(database: Queryable, domain: string): Promise<boolean> {
  const { rows } = await database.query<{ locked: boolean }>(
    "select pg_try_advisory_lock($1, hashtext($2)) as locked",
    [REBUILD_LOCK_CLASS, domain],
  );
  return rows[0]?.locked ?? false;
}

/** Makes the shadow's tables, empty; whatever an earlier rebuild left is dropped. */
export async function createShadow(database: Queryable, domain: string, relation: string): Promise<void> {
  await dropShadow(database, domain);
  const schema = name(shadowSchemaOf(domain));
  await database.query(`create schema ${schema}`);
  for (const table of [relation, ...SHARED_TABLES]) {
    // What is made anew after a crash need not be logged.
    await database.query(
      `create unlogged table ${schema}.${name(table)} (like public.${name(table)} including all)`,
    );
  }
  await database.query(
    `create unlogged table ${schema}.changes (
       outcome text not null, position bigint not null, kind text not null, primary key (outcome, position)
     )`,
  );
}

export async function dropShadow(database: Queryable, domain: string): Promise<void> {
  await database.query(`drop schema if exists ${name(shadowSchemaOf(domain))} cascade`);
}

/** Brings what operators made of dead letters over to the shadow, and counts its groups anew. */
export async function reconcileShadow(database: Queryable, domain: string): Promise<void> {
  const schema = name(shadowSchemaOf(domain));
  await database.query(
    `update ${schema}.dead_letters as letters set state = coalesce(decided.state, 'open')
     from ${schema}.dead_letters as same
     left join lateral (
       select state from public.operator_actions as actions
       where actions.position = same.position and actions.state is not null order by id desc limit 1
     ) as decided on true
     where letters.position = same.position and letters.state <> coalesce(decided.state, 'open')`,
  );
  await database.query(`truncate ${schema}.dead_letter_groups`);
  await database.query(
    `insert into ${schema}.dead_letter_groups (
       domain, fingerprint, channel, code, paths, open, redriven, discarded,
       first_received_at, last_received_at, last_position
     )
     select domain, fingerprint, channel, min(code), min(paths), count(*) filter (where state = 'open'),
            count(*) filter (where state = 'redriven'), count(*) filter (where state = 'discarded'),
            min(received_at), max(received_at), max(position)
     from ${schema}.dead_letters group by domain, fingerprint, channel`,
  );
}

/** Notes every row that differs between the live tables and the shadow, above one position and up to another. */
export async function noteChanges(
  database: Queryable,
  domain: string,
  relation: string,
  above: bigint,
  upTo: bigint,
): Promise<void> {
  const schema = name(shadowSchemaOf(domain));
  for (const [outcome, table] of outcomeTables(relation)) {
    const own = table === relation ? "true" : `domain = ${pg.escapeLiteral(domain)}`;
    const rowsOf = (place: string) =>
      `(select position, row::text as content from ${place}.${name(table)} as row
        where ${own} and position > ${above} and position <= ${upTo})`;
    await database.query(
      `insert into ${schema}.changes (outcome, position, kind)
       select $1, coalesce(live.position, rebuilt.position),
              case when live.position is null then 'added' when rebuilt.position is null then 'removed' else 'changed' end
       from ${rowsOf("public")} as live full join ${rowsOf(schema)} as rebuilt using (position)
       where live.content is distinct from rebuilt.content`,
      [outcome],
    );
  }
}

export type Change = Readonly<{
  /** Undefined where the live tables, or the rebuilt ones, hold no outcome of the positions. */
  before: string | null;
  after: string | null;
  positions: bigint;
  /** The lowest of them. */
  samples: bigint[];
}>;

/** What would become of positions that end otherwise than they did, or with other content. */
export async function selectChanges(database: Queryable, domain: string): Promise<Change[]> {
  const { rows } = await database.query<Change>(
    `with moved as (
       select position, max(outcome) filter (where kind <> 'added') as before,
              max(outcome) filter (where kind <> 'removed') as after
       from ${name(shadowSchemaOf(domain))}.changes group by position
     )
     select before, after, count(*) as positions, (array_agg(position order by position))[1:5] as samples
     from moved group by before, after order by before, after`,
  );
  return rows;
}

/** Holds up the live projector and the operators until the transaction ends. @returns the live checkpoint. */
export async function lockLive(transaction: Transaction, domain: string): Promise<bigint> {
  const { rows } = await transaction.query<{ position: bigint }>(
    "select position from public.checkpoints where domain = $1 for update",
    [domain],
  );
  await transaction.query("lock table public.dead_letters in share row exclusive mode");
  return rows[0]?.position ?? 0n;
}

/** Makes the live tables what the shadow is, row by row where they differ; the checkpoint with them. */
export async function takeOver(transaction: Transaction, domain: string, relation: string): Promise<void> {
  const schema = name(shadowSchemaOf(domain));
  const tables = outcomeTables(relation);
  for (const [outcome, table] of tables) {
    await transaction.query(
      `delete from public.${name(table)} as live using ${schema}.changes as changes
       where changes.outcome = $1 and changes.kind <> 'added' and live.position = changes.position`,
      [outcome],
    );
  }
  // Only then: what one position gives up another may take.
  for (const [outcome, table] of tables) {
    await transaction.query(
      `insert into public.${name(table)}
       select rebuilt.* from ${schema}.${name(table)} as rebuilt join ${schema}.changes as changes using (position)
       where changes.outcome = $1 and changes.kind <> 'removed'`,
      [outcome],
    );
  }
  for (const table of COUNT_TABLES) {
    await transaction.query(`delete from public.${table} where domain = $1`, [domain]);
    await transaction.query(`insert into public.${table} select * from ${schema}.${table}`);
  }
  await transaction.query(
    `insert into public.checkpoints (domain, position, projected, duplicate, dead, generation)
     select domain, position, projected, duplicate, dead, 1 from ${schema}.checkpoints where domain = $1
     on conflict (domain) do update set
       position = excluded.position, projected = excluded.projected, duplicate = excluded.duplicate,
       dead = excluded.dead, generation = checkpoints.generation + 1, updated_at = now()`,
    [domain],
  );
}

function outcomeTables(relation: string): [outcome: string, table: string][] {
  return [
    ["projected", relation],
    ["duplicate", "duplicates"],
    ["dead", "dead_letters"],
  ];
}

const COUNT_TABLES = ["dead_letter_groups", "dead_letter_hours"] as const;
const SHARED_TABLES = ["checkpoints", "duplicates", "dead_letters", ...COUNT_TABLES];

/** The first half of the advisory lock's key: nothing else in this database may use it. */
const REBUILD_LOCK_CLASS = 0x72626c64;
