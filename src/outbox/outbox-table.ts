/** The table `outbox`: events for other systems that are not sent yet. */
import type { OutboxEvent } from "../contract/domain.ts";
import { withCopyData } from "../database/copy/copy-encoder.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";
import type { Place } from "./outbox-checkpoints-table.ts";
import type { TopicKey } from "./outbox-refusals-table.ts";

export type WaitingEvent = Place &
  TopicKey &
  Readonly<{ payload: Buffer; headers: Readonly<Record<string, string>> }>;

export type NextEvents = Readonly<{
  events: readonly WaitingEvent[];
  /** The last event read, held or not. */
  last: Place | undefined;
}>;

/** @param events in position order, then in the order in which they happened. */
export async function insertEvents(
  transaction: Transaction,
  domain: string,
  events: readonly OutboxEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const ordinals = ordinalsOf(events);
  await withCopyData(
    (rows) => {
      for (const [index, { position, topic, key, payload, headers = {} }] of events.entries()) {
        rows.row(7);
        rows.constant(domain);
        rows.bigint(position);
        rows.integer(ordinals[index] as number);
        rows.constant(topic);
        rows.text(key);
        rows.bytes(payload);
        rows.jsonb(JSON.stringify(headers));
      }
    },
    (data) =>
      transaction.script(
        "copy outbox (domain, position, ordinal, topic, key, payload, headers) from stdin (format binary)",
        data,
      ),
  );
}

/**
 * In order.
 * @param held keys whose events are skipped and stay in the table.
 * @param bytesMax approximate; at least one event is returned.
 */
export async function selectNext(
  transaction: Transaction,
  domain: string,
  after: Place,
  held: readonly TopicKey[],
  eventsMax: number,
  bytesMax: number,
): Promise<NextEvents> {
  await inOrderOfIndex(transaction);
  const { rows } = await transaction.query<WaitingEvent & { isHeld: boolean }>(
    `with next as (
       select position, ordinal,
              exists (
                select from unnest($4::text[], $5::text[]) as held (topic, key)
                where held.topic = outbox.topic and held.key = outbox.key
              ) as is_held,
              octet_length(payload) + octet_length(key) + octet_length(headers::text) as bytes
       from outbox where domain = $1 and (position, ordinal) > ($2::bigint, $3::integer)
       order by position, ordinal limit $6
     ), measured as (
       select position, ordinal, is_held,
              sum(case when is_held then 0 else bytes end) over (order by position, ordinal)
                - case when is_held then 0 else bytes end as bytes_before
       from next
     )
     select position, ordinal, topic, key, is_held as "isHeld", headers,
            case when is_held then null else payload end as payload
     from measured join outbox using (position, ordinal)
     where domain = $1 and bytes_before < $7
     order by position, ordinal`,
    [domain, String(after.position), after.ordinal, ...columnsOf(held), eventsMax, bytesMax],
  );
  return { events: rows.filter(({ isHeld }) => !isHeld), last: rows.at(-1) };
}

export async function selectHeld(
  transaction: Transaction,
  domain: string,
  upTo: Place,
  { topic, key }: TopicKey,
  eventsMax: number,
  bytesMax: number,
): Promise<readonly WaitingEvent[]> {
  await inOrderOfIndex(transaction);
  const { rows } = await transaction.query<WaitingEvent>(
    `with next as (
       select position, ordinal, octet_length(payload) + octet_length(key) + octet_length(headers::text) as bytes
       from outbox where domain = $1 and (position, ordinal) <= ($2::bigint, $3::integer) and topic = $4 and key = $5
       order by position, ordinal limit $6
     ), measured as (
       select position, ordinal, sum(bytes) over (order by position, ordinal) - bytes as bytes_before from next
     )
     select position, ordinal, topic, key, payload, headers
     from measured join outbox using (position, ordinal)
     where domain = $1 and bytes_before < $7
     order by position, ordinal`,
    [domain, String(upTo.position), upTo.ordinal, topic, key, eventsMax, bytesMax],
  );
  return rows;
}

/** Does not delete events of held keys. */
export async function deleteSent(
  transaction: Queryable,
  domain: string,
  after: Place,
  upTo: Place,
  held: readonly TopicKey[],
): Promise<void> {
  await transaction.query(
    `delete from outbox
     where domain = $1 and (position, ordinal) > ($2::bigint, $3::integer)
       and (position, ordinal) <= ($4::bigint, $5::integer)
       and not exists (
         select from unnest($6::text[], $7::text[]) as held (topic, key)
         where held.topic = outbox.topic and held.key = outbox.key
       )`,
    [domain, String(after.position), after.ordinal, String(upTo.position), upTo.ordinal, ...columnsOf(held)],
  );
}

export async function deleteHeld(
  transaction: Queryable,
  domain: string,
  upTo: Place,
  { topic, key }: TopicKey,
): Promise<void> {
  await transaction.query(
    `delete from outbox
     where domain = $1 and (position, ordinal) <= ($2::bigint, $3::integer) and topic = $4 and key = $5`,
    [domain, String(upTo.position), upTo.ordinal, topic, key],
  );
}

export async function deleteEvent(
  transaction: Queryable,
  domain: string,
  { position, ordinal }: Place,
): Promise<void> {
  await transaction.query("delete from outbox where domain = $1 and position = $2 and ordinal = $3", [
    domain,
    String(position),
    ordinal,
  ]);
}

export type OutboxCounts = Readonly<{
  /** Unsent events, without held ones. */
  pending: number;
  /** Age of the oldest; 0 if there is none. */
  oldestSeconds: number;
  /** Refused events, and events behind a refused event with the same key. */
  held: number;
}>;

/** Linear in the events; a drained outbox has few. */
export async function countEvents(database: Queryable, domain: string): Promise<OutboxCounts> {
  const { rows } = await database.query<{ pending: bigint; held: bigint; oldestSeconds: number }>(
    `with checkpoint as (
       select coalesce(max(position), 0) as position, coalesce(max(ordinal), -1) as ordinal
       from outbox_checkpoints where domain = $1
     ), waiting as (
       select created_at, (outbox.position, outbox.ordinal) > (checkpoint.position, checkpoint.ordinal) as is_pending
       from outbox, checkpoint where domain = $1
     )
     select count(*) filter (where is_pending) as pending,
            count(*) filter (where not is_pending) as held,
            coalesce(extract(epoch from clock_timestamp() - min(created_at) filter (where is_pending)), 0)::float8
              as "oldestSeconds"
     from waiting`,
    [domain],
  );
  const { pending = 0n, held = 0n, oldestSeconds = 0 } = rows[0] ?? {};
  return { pending: Number(pending), held: Number(held), oldestSeconds: Math.max(0, oldestSeconds) };
}

/** Without statistics PostgreSQL would sort the table. */
async function inOrderOfIndex(transaction: Transaction): Promise<void> {
  await transaction.script("set local enable_sort = off; set local enable_bitmapscan = off");
}

function columnsOf(keys: readonly TopicKey[]): [topics: string[], keys: string[]] {
  return [keys.map(({ topic }) => topic), keys.map(({ key }) => key)];
}

function ordinalsOf(events: readonly OutboxEvent[]): number[] {
  let last: bigint | undefined;
  let ordinal = -1;
  return events.map(({ position }) => {
    ordinal = position === last ? ordinal + 1 : 0;
    last = position;
    return ordinal;
  });
}
