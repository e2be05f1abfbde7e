/** Statements on single dead letters; `dead-letter-pages-table.ts` reads pages of them. */

import type { Problem, Rejection, RejectionCode } from "../contract/rejection.ts";
import { Turn } from "../contract/values/in-turns.ts";
import type { Queryable } from "../database/queryable.ts";
import { fingerprintOf, foldPath, type KnownPaths } from "./fingerprint.ts";

/** The database checks them too. */
export const STATES = ["open", "redriven", "discarded"] as const;

export type State = (typeof STATES)[number];

export type DeadLetter = Readonly<{
  position: bigint;
  domain: string;
  channel: string;
  state: State;
  code: RejectionCode;
  fingerprint: string;
  errors: readonly Problem[];
  originalPosition: bigint | null;
  receivedAt: Date;
}>;

/**
 * New letters are `open`; a rebuilt one keeps the state that operators gave its position. Large batches take several
 * statements, to bound the memory of this process and PostgreSQL.
 */
export async function insertDeadLetters(
  transaction: Queryable,
  { name, paths }: Readonly<{ name: string; paths: KnownPaths }>,
  letters: readonly Readonly<{ position: bigint; rejection: Rejection }>[],
): Promise<void> {
  const turn = new Turn();
  let records: string[] = [];
  let length = 0;
  for (const letter of letters) {
    if (turn.isOver) await turn.next();
    const record = JSON.stringify(toRecord(letter, paths));
    records.push(record);
    length += record.length;
    if (length < STATEMENT_LENGTH_MAX) continue;
    await insertRecords(transaction, name, records);
    records = [];
    length = 0;
  }
  if (records.length > 0) await insertRecords(transaction, name, records);
}

async function insertRecords(
  transaction: Queryable,
  domain: string,
  records: readonly string[],
): Promise<void> {
  await transaction.query(
    `with buried as (
       insert into dead_letters
         (position, domain, channel, received_at, state, code, fingerprint, paths, errors, original_position)
       select position, $1, inbox.channel, inbox.received_at, coalesce(decided.state, 'open'), code, fingerprint,
              paths, errors, original_position
       from json_to_recordset($2) as rejected (
         position bigint, code text, fingerprint text, paths text[], errors jsonb, original_position bigint
       )
       join inbox using (position)
       left join lateral (
         select operator_actions.state from operator_actions
         where operator_actions.position = rejected.position and operator_actions.state is not null
         order by id desc limit 1
       ) as decided on true
       returning position, channel, received_at, state, code, fingerprint, paths
     ), hours as (
       insert into dead_letter_hours as hours (domain, fingerprint, hour, letters)
       select $1, fingerprint, date_trunc('hour', received_at, 'UTC') as hour, count(*)
       from buried group by fingerprint, hour order by fingerprint, hour
       on conflict (domain, fingerprint, hour) do update set letters = hours.letters + excluded.letters
     )
     insert into dead_letter_groups as groups (
       domain, fingerprint, channel, code, paths, open, redriven, discarded,
       first_received_at, last_received_at, last_position
     )
     select $1, fingerprint, channel, min(code), min(paths), count(*) filter (where state = 'open'),
            count(*) filter (where state = 'redriven'), count(*) filter (where state = 'discarded'),
            min(received_at), max(received_at), max(position)
     from buried group by fingerprint, channel order by fingerprint, channel
     on conflict (domain, fingerprint, channel) do update set
       open = groups.open + excluded.open,
       redriven = groups.redriven + excluded.redriven,
       discarded = groups.discarded + excluded.discarded,
       first_received_at = least(groups.first_received_at, excluded.first_received_at),
       last_received_at = greatest(groups.last_received_at, excluded.last_received_at),
       last_position = greatest(groups.last_position, excluded.last_position)`,
    [domain, `[${records.join(",")}]`],
  );
}

function toRecord(
  { position, rejection }: Readonly<{ position: bigint; rejection: Rejection }>,
  known: KnownPaths,
) {
  return {
    position: String(position),
    code: rejection.code,
    fingerprint: fingerprintOf(rejection, known),
    paths: [...new Set(rejection.problems.map(({ path }) => foldPath(path, known)))].sort(),
    errors: rejection.problems,
    original_position: rejection.originalPosition?.toString() ?? null,
  };
}

export async function selectDeadLetter(
  database: Queryable,
  position: bigint,
): Promise<DeadLetter | undefined> {
  const { rows } = await database.query<DeadLetter>(
    `select position, domain, channel, state, code, fingerprint, errors,
            original_position as "originalPosition", received_at as "receivedAt"
     from dead_letters where position = $1`,
    [String(position)],
  );
  return rows[0];
}

/**
 * Skips letters in other states, so the second of two concurrent operators changes nothing.
 * @returns the moved positions, lowest first.
 */
export async function moveDeadLetters(
  transaction: Queryable,
  positions: readonly bigint[],
  from: State,
  to: State,
): Promise<{ position: bigint; domain: string; fingerprint: string }[]> {
  // Waits for a rebuild that replaces letters and counts.
  await transaction.query(
    `select pg_advisory_xact_lock_shared($2, hashtext(domain))
     from (select distinct domain from dead_letters where position = any($1::bigint[]) order by domain) as moved`,
    [positions.map(String), LETTERS_LOCK_CLASS],
  );
  // In key order, so that concurrent moves cannot deadlock.
  const { rows } = await transaction.query<{ position: bigint; domain: string; fingerprint: string }>(
    `with chosen as materialized (
       select position from dead_letters where position = any($1::bigint[]) and state = $2
       order by position for update
     ), moved as (
       update dead_letters set state = $3 from chosen
       where dead_letters.position = chosen.position and dead_letters.state = $2
       returning dead_letters.position, domain, fingerprint, channel
     ), counted as (
       select domain, fingerprint, channel, count(*) as letters from moved group by domain, fingerprint, channel
     ), locked as materialized (
       select domain, fingerprint, channel, counted.letters
       from dead_letter_groups join counted using (domain, fingerprint, channel)
       order by domain, fingerprint, channel for update of dead_letter_groups
     ), recounted as (
       update dead_letter_groups as groups set
         open = open + letters * (($3 = 'open')::int - ($2 = 'open')::int),
         redriven = redriven + letters * (($3 = 'redriven')::int - ($2 = 'redriven')::int),
         discarded = discarded + letters * (($3 = 'discarded')::int - ($2 = 'discarded')::int)
       from locked
       where groups.domain = locked.domain and groups.fingerprint = locked.fingerprint
         and groups.channel = locked.channel
     )
     select position, domain, fingerprint from moved order by position`,
    [positions.map(String), from, to],
  );
  return rows;
}

export async function lockLetters(transaction: Queryable, domain: string): Promise<void> {
  await transaction.query("select pg_advisory_xact_lock($1, hashtext($2))", [LETTERS_LOCK_CLASS, domain]);
}

/** Some thousands of ordinary letters. */
const STATEMENT_LENGTH_MAX = 1024 * 1024;

/** Used nowhere else in the database. */
const LETTERS_LOCK_CLASS = 0x6c657474;
