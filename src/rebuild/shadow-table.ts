/**
 * A schema with the live one's tables. First in the search path, its tables replace the live ones. Table names come
 * from the code, never from a caller.
 */
import pg from "pg";
import type { AnyDomain } from "../contract/domain.ts";
import type { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";
import { beginProjection } from "../projector/checkpoints-table.ts";
import { lockLetters } from "../projector/dead-letters-table.ts";
import { selectReferences } from "./catalogue-table.ts";

const quoted = pg.escapeIdentifier;

export function shadowSchemaOf(domain: string): string {
  return `rebuild_${domain}`;
}

/** @returns false if another rebuild holds the lock. */
export async function tryRebuildLock(transaction: Queryable, domain: string): Promise<boolean> {
  const { rows } = await transaction.query<{ locked: boolean }>(
    "select pg_try_advisory_xact_lock($1, hashtext($2)) as locked",
    [REBUILD_LOCK_CLASS, domain],
  );
  return rows[0]?.locked ?? false;
}

/** With the same columns, keys and foreign keys, so that PostgreSQL refuses the same data. */
export async function createShadow(database: Database, domain: AnyDomain): Promise<void> {
  await dropShadow(database, domain.name);
  const schema = quoted(shadowSchemaOf(domain.name));
  const domainTables = domain.tables.map(({ name }) => name);
  const references = await selectReferences(database, domainTables);
  await database.transaction(async (transaction) => {
    await transaction.query(`create schema ${schema}`);
    for (const table of [...domainTables, ...SHARED_TABLES]) {
      // Unlogged, because a crash ends the rebuild anyway.
      await transaction.query(
        `create unlogged table ${schema}.${quoted(table)} (like public.${quoted(table)} including all)`,
      );
    }
    await transaction.query(`set local search_path = ${schema}, public`);
    for (const { child, name, definition } of references) {
      await transaction.query(
        `alter table ${schema}.${quoted(child)} add constraint ${quoted(name)} ${definition}`,
      );
    }
  });
}

export async function dropShadow(database: Queryable, domain: string): Promise<void> {
  await database.query(`drop schema if exists ${quoted(shadowSchemaOf(domain))} cascade`);
}

export async function countMessages(
  database: Queryable,
  domain: string,
  { above, upTo, limit }: Readonly<{ above: bigint; upTo: bigint; limit: number }>,
): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int as count
     from (select from inbox where domain = $1 and position > $2 and position <= $3 limit $4) as messages`,
    [domain, String(above), String(upTo), limit],
  );
  return rows[0]?.count ?? 0;
}

/** Dead letters keep the states that operators gave them. */
export async function reconcileShadow(database: Queryable, domain: string): Promise<void> {
  const schema = quoted(shadowSchemaOf(domain));
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

/**
 * Blocks the domain's projector, and operators' changes to its dead letters, until the transaction ends.
 * @returns the live checkpoint.
 */
export async function lockLive(transaction: Transaction, domain: string): Promise<bigint> {
  const checkpoint = await beginProjection(transaction, domain, { isDurable: true });
  await lockLetters(transaction, domain);
  return checkpoint;
}

/** Tables of the engine that projections write. */
const SHARED_TABLES = [
  "checkpoints",
  "duplicates",
  "dead_letters",
  "dead_letter_groups",
  "dead_letter_hours",
];

/** Used nowhere else in the database. */
const REBUILD_LOCK_CLASS = 0x72626c64;
