/** Every statement on the `inbox` table. */
import pg from "pg";
import type { StoredHeaders } from "../contract/headers.ts";
import type { InboxRow, Message } from "../contract/message.ts";
import { CopyDecoder } from "../database/copy/copy-decoder.ts";
import { type CopyEncoder, withCopyData } from "../database/copy/copy-encoder.ts";
import { WAIT_FOR_DISK } from "../database/durability.ts";
import type { Queryable } from "../database/queryable.ts";
import type { ScriptRows } from "../database/script.ts";
import type { Transaction } from "../database/transaction.ts";
import { requireAboveHead } from "./positions.ts";

/**
 * Locks the domain's appends until the transaction ends. Otherwise transactions could commit out of position order, and
 * a reader past the higher position would miss the lower. The commit waits for the disk, because the acknowledgement
 * follows it.
 * @returns the domain's head; 0 if it is empty.
 * @throws PositionOrderError if the next position would not be above the head; DatabaseError.
 */
export async function beginAppend(transaction: Transaction, domain: string): Promise<bigint> {
  const [, begun] = await transaction.script(beginStatements(domain));
  return headOf(begun);
}

/** @throws PositionOrderError if the next position would not be above all existing ones; DatabaseError. */
export async function requireNextPosition(database: Queryable): Promise<void> {
  const { rows } = await database.query<{ head: bigint; next: bigint }>(
    `select coalesce(max(position), 0) as head, ${NEXT_POSITION} as next from inbox`,
  );
  const { head, next } = rows[0] as { head: bigint; next: bigint };
  requireAboveHead(next, head);
}

/**
 * Begins an append like `beginAppend`, then appends all messages.
 * @throws DatabaseError (unique violation) if a message exists already; PositionOrderError.
 */
export async function copyMessages(
  transaction: Transaction,
  domain: string,
  messages: readonly Message[],
): Promise<{ after: bigint; positions: bigint[]; receivedAtMs: number }> {
  const statements = `
    ${beginStatements(domain)};
    copy inbox (domain, source, channel, message_id, payload, published_at, traceparent, headers) from stdin (format binary);
    select max(position) from inbox where domain = ${pg.escapeLiteral(domain)};
    ${RECEIVED_AT}`;
  const [, begun, last, receivedAt] = await withCopyData(
    (rows) => encodeMessages(rows, domain, messages),
    (data) => transaction.script(statements, data),
  );
  const after = headOf(begun);
  const receivedAtMs = Number(receivedAt?.[0]);
  // Under the lock all rows above the old head belong to this append. Concurrent appends of other domains and rollbacks
  // leave gaps; then the positions are read.
  if (BigInt(last?.[0] ?? 0) - after !== BigInt(messages.length)) {
    const positions = await selectPositionsAfter(transaction, domain, after);
    // The sequence was reset between the check and the COPY.
    if (positions.length !== messages.length) requireAboveHead(after, after);
    return { after, receivedAtMs, positions };
  }
  return { after, receivedAtMs, positions: messages.map((_message, index) => after + BigInt(index) + 1n) };
}

export async function selectReceivedAt(transaction: Transaction): Promise<number> {
  const [row] = await transaction.script(RECEIVED_AT);
  return Number(row?.[0]);
}

async function selectPositionsAfter(
  database: Queryable,
  domain: string,
  position: bigint,
): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    "select position from inbox where domain = $1 and position > $2 order by position",
    [domain, String(position)],
  );
  return rows.map((row) => row.position);
}

/** The second statement sees what was committed before the lock was free. */
function beginStatements(domain: string): string {
  const name = pg.escapeLiteral(domain);
  // max() is one index lookup. ORDER BY with LIMIT reads the whole table while it has no statistics: 30 ms at 100,000
  // rows.
  return `
    select pg_advisory_xact_lock(${APPEND_LOCK_CLASS}, hashtext(${name})), ${WAIT_FOR_DISK};
    select coalesce(max(position), 0), ${NEXT_POSITION} from inbox where domain = ${name}`;
}

function headOf(begun: ScriptRows[number] | undefined): bigint {
  const [head, next] = begun ?? [];
  requireAboveHead(BigInt(next ?? 0), BigInt(head ?? 0));
  return BigInt(head ?? 0);
}

function encodeMessages(rows: CopyEncoder, domain: string, messages: readonly Message[]): void {
  for (const message of messages) {
    rows.row(8);
    rows.constant(domain);
    rows.constant(message.source);
    rows.constant(message.channel);
    rows.text(message.messageId);
    rows.bytes(message.payload);
    if (message.publishedAtMs === undefined) rows.null();
    else rows.timestamp(message.publishedAtMs);
    if (message.traceparent === undefined) rows.null();
    else rows.text(message.traceparent);
    if (message.headers === undefined) rows.null();
    else rows.jsonb(message.headers);
  }
}

export async function insertMissingMessages(
  transaction: Transaction,
  domain: string,
  messages: readonly Message[],
): Promise<void> {
  await transaction.query(
    `insert into inbox (domain, source, channel, message_id, payload, published_at, traceparent, headers)
     select $1, source, channel, message_id, payload, to_timestamp(published_at_ms / 1000), traceparent, headers
     from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::float8[], $7::text[], $8::jsonb[])
       with ordinality
         as arrived (source, channel, message_id, payload, published_at_ms, traceparent, headers, place)
     order by place
     on conflict (source, channel, message_id) do nothing`,
    [
      domain,
      messages.map(({ source }) => source),
      messages.map(({ channel }) => channel),
      messages.map(({ messageId }) => messageId),
      messages.map(({ payload }) => payload),
      messages.map(({ publishedAtMs }) => publishedAtMs ?? null),
      messages.map(({ traceparent }) => traceparent ?? null),
      messages.map(({ headers }) => headers ?? null),
    ],
  );
}

/** `payload` replaces the original. */
type RedriveOf = Readonly<{
  position: bigint;
  traceparent: string | undefined;
  payload?: Buffer | undefined;
}>;

/**
 * Appends messages again, in position order, as new messages that refer to the originals.
 * @throws DatabaseError (unique violation) if one was redriven before.
 */
export async function insertRedrivesOf(
  transaction: Transaction,
  redrives: readonly RedriveOf[],
): Promise<{ position: bigint; redriveOf: bigint }[]> {
  const { rows } = await transaction.query<{ position: bigint; redriveOf: bigint }>(
    `insert into inbox (domain, source, channel, message_id, payload, headers, redrive_of, traceparent)
     select domain, '${REDRIVE_SOURCE}', channel, position::text,
            coalesce(redrives.payload, inbox.payload),
            -- An edited message has a payload, even if the original had none.
            case when redrives.payload is null then headers else headers - 'payload' end, position, redrives.traceparent
     from unnest($1::bigint[], $2::bytea[], $3::text[]) as redrives (position, payload, traceparent) join inbox using (position)
     order by inbox.position
     returning position, redrive_of as "redriveOf"`,
    [
      redrives.map(({ position }) => String(position)),
      redrives.map(({ payload }) => payload ?? null),
      redrives.map(({ traceparent }) => traceparent ?? null),
    ],
  );
  return rows;
}

export async function selectTraceparents(
  database: Queryable,
  positions: readonly bigint[],
): Promise<ReadonlyMap<bigint, string>> {
  const { rows } = await database.query<{ position: bigint; traceparent: string }>(
    "select position, traceparent from inbox where position = any($1::bigint[]) and traceparent is not null",
    [positions.map(String)],
  );
  return new Map(rows.map(({ position, traceparent }) => [position, traceparent]));
}

export async function selectDomainsOf(database: Queryable, positions: readonly bigint[]): Promise<string[]> {
  const { rows } = await database.query<{ domain: string }>(
    "select distinct domain from inbox where position = any($1::bigint[]) order by domain",
    [positions.map(String)],
  );
  return rows.map(({ domain }) => domain);
}

export async function selectRedriveOf(
  database: Queryable,
  position: bigint,
  channel: string,
): Promise<bigint | undefined> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position from inbox where source = '${REDRIVE_SOURCE}' and channel = $2 and message_id = $1`,
    [String(position), channel],
  );
  return rows[0]?.position;
}

/** In the order of the messages; null for a missing one. */
export async function selectPositions(
  database: Queryable,
  messages: readonly Message[],
): Promise<(bigint | null)[]> {
  const { rows } = await database.query<{ position: bigint | null }>(
    `select inbox.position
     from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (source, channel, message_id, place)
     left join inbox using (source, channel, message_id)
     order by place`,
    [
      messages.map(({ source }) => source),
      messages.map(({ channel }) => channel),
      messages.map(({ messageId }) => messageId),
    ],
  );
  return rows.map(({ position }) => position);
}

/** 0 if the domain is empty. */
export async function selectHead(database: Queryable, domain: string): Promise<bigint> {
  const { rows } = await database.query<{ head: bigint }>(
    "select coalesce(max(position), 0) as head from inbox where domain = $1",
    [domain],
  );
  return rows[0]?.head ?? 0n;
}

/** Lowest position first: at most `rowsMax` rows, and about `bytesMax` of payload. */
export async function selectAfter(
  transaction: Transaction,
  domain: string,
  position: bigint,
  rowsMax: number,
  bytesMax: number,
): Promise<InboxRow[]> {
  // Without statistics PostgreSQL would sort the whole table.
  await transaction.script("set local enable_sort = off; set local enable_bitmapscan = off");
  // Computes lengths without reading payloads, and always returns the first row.
  const copied = await transaction.copyOut(
    `copy (
       with next as (
         select position, octet_length(payload) as bytes
         from inbox where domain = ${pg.escapeLiteral(domain)} and position > ${position}
         order by position limit ${rowsMax}
       ), measured as (
         select position, sum(bytes) over (order by position) - bytes as bytes_before from next
       )
       select ${ROW_COLUMNS}
       from measured join inbox using (position)
       where bytes_before < ${bytesMax}
       order by position
     ) to stdout (format binary)`,
  );
  const rows: InboxRow[] = [];
  const decoder = new CopyDecoder(copied);
  while (decoder.next()) {
    rows.push({
      position: decoder.bigint(),
      messageId: decoder.text() as string,
      payload: decoder.bytes() as Buffer,
      headersJson: decoder.text(),
      receivedAtMs: decoder.number() as number,
      publishedAtMs: decoder.number(),
      traceparent: decoder.text(),
    });
  }
  return rows;
}

/** In the given order: about `bytesMax` of payload, but at least one row. */
export async function selectAt(
  database: Queryable,
  positions: readonly bigint[],
  bytesMax: number,
): Promise<(InboxRow & { domain: string })[]> {
  type Row = Omit<InboxRow, "headersJson" | "publishedAtMs" | "traceparent"> &
    Record<"headersJson" | "traceparent", string | null> & { publishedAtMs: number | null; domain: string };
  const { rows } = await database.query<Row>(
    `with wanted as (
       select inbox.position, place, sum(octet_length(payload)) over (order by place) - octet_length(payload) as bytes
       from unnest($1::bigint[]) with ordinality as given (position, place) join inbox using (position)
     )
     select domain, ${ROW_COLUMNS} from wanted join inbox using (position) where bytes < $2 order by place`,
    [positions.map(String), bytesMax],
  );
  return rows.map(({ headersJson, publishedAtMs, traceparent, ...row }) => ({
    ...row,
    headersJson: headersJson ?? undefined,
    publishedAtMs: publishedAtMs ?? undefined,
    traceparent: traceparent ?? undefined,
  }));
}

export async function selectHasPayload(
  database: Queryable,
  position: bigint,
  payload: Buffer,
): Promise<boolean> {
  const { rows } = await database.query<{ same: boolean }>(
    "select payload = $2 as same from inbox where position = $1",
    [String(position), payload],
  );
  return rows[0]?.same ?? false;
}

export type InboxEntry = Readonly<{
  position: bigint;
  domain: string;
  source: string;
  channel: string;
  messageId: string;
  payloadBytes: number;
  traceparent: string | null;
  headers: StoredHeaders | null;
  /** For redrives: the original position. */
  redriveOf: bigint | null;
  publishedAt: Date | null;
  receivedAt: Date;
}>;

export async function selectEntry(database: Queryable, position: bigint): Promise<InboxEntry | undefined> {
  const { rows } = await database.query<InboxEntry>(
    `select position, domain, source, channel, message_id as "messageId", octet_length(payload) as "payloadBytes",
            traceparent, headers, redrive_of as "redriveOf", published_at as "publishedAt", received_at as "receivedAt"
     from inbox where position = $1`,
    [String(position)],
  );
  return rows[0];
}

/** The positions before and after, of any domain; null at the ends of the inbox. */
export async function selectNeighbours(
  database: Queryable,
  position: bigint,
): Promise<{ previous: bigint | null; next: bigint | null }> {
  const { rows } = await database.query<{ previous: bigint | null; next: bigint | null }>(
    `select (select max(position) from inbox where position < $1) as previous,
            (select min(position) from inbox where position > $1) as next`,
    [String(position)],
  );
  return rows[0] ?? { previous: null, next: null };
}

/** The head is `position` itself if there are no rows above it. */
export async function countAfter(
  database: Queryable,
  domain: string,
  position: bigint,
): Promise<{ count: bigint; head: bigint }> {
  const { rows } = await database.query<{ count: bigint; head: bigint }>(
    "select count(*) as count, coalesce(max(position), $2) as head from inbox where domain = $1 and position > $2",
    [domain, String(position)],
  );
  return rows[0] as { count: bigint; head: bigint };
}

export async function selectOldestAfter(
  database: Queryable,
  domain: string,
  position: bigint,
): Promise<{ position: bigint; receivedAt: Date } | undefined> {
  const { rows } = await database.query<{ position: bigint; receivedAt: Date }>(
    `select position, received_at as "receivedAt" from inbox
     where domain = $1 and position > $2 order by position limit 1`,
    [domain, String(position)],
  );
  return rows[0];
}

/** Computed like `receivedAtMs`, so that rows from memory and from the table are equal. */
const RECEIVED_AT = "select floor(extract(epoch from now()) * 1000)::float8";

/** In COPY's order. Times are numbers, because their text depends on settings. */
const ROW_COLUMNS = `
  position, message_id as "messageId", payload, headers::text as "headersJson",
  floor(extract(epoch from received_at) * 1000)::float8 as "receivedAtMs",
  (extract(epoch from published_at) * 1000)::float8 as "publishedAtMs", traceparent`;

/** All transactions share the sequence, so it is above everything committed. */
const NEXT_POSITION = "(select last_value + is_called::int from inbox_position_seq)";

/** No broker or ingress has this name. */
const REDRIVE_SOURCE = "redrive";

/** Used nowhere else in the database. */
const APPEND_LOCK_CLASS = 0x696e6278;
