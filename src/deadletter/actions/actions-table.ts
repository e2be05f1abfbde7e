/**
 * What operators did, newest first, from `operator_actions`, `outbox_actions` and `source_actions`. A page is merged from one index range of
 * each table. A bulk action is one row: the rows of its letters are found by position only.
 */
import type { Queryable } from "../../database/queryable.ts";

export const ACTIONS = [
  "redrive",
  "discard",
  "restore",
  "reveal",
  "bulk_redrive",
  "cancel_bulk_redrive",
  "bulk_discard",
  "bulk_restore",
  "cancel_bulk_decision",
  "release_event",
  "discard_event",
  "pause_source",
  "resume_source",
] as const;

export type ListedAction = Readonly<{
  action: (typeof ACTIONS)[number];
  actedAt: Date;
  author: string | null;
  isVerified: boolean;
  reason: string | null;
  domain: string | null;
  /** That was paused or resumed. */
  source: string | null;
  position: bigint | null;
  /** Of an event in the outbox. */
  ordinal: number | null;
  /** The broker's reason to refuse the event. */
  refusal: string | null;
  redrivePosition: bigint | null;
  isEdited: boolean | null;
  bulkId: bigint | null;
  decisionId: bigint | null;
  /** Of a bulk action. */
  letters: bigint | null;
  cursor: string;
}>;

export type ActionFilter = Readonly<{
  author?: string;
  action?: ListedAction["action"];
  position?: bigint;
  domain?: string;
  since?: Date;
  until?: Date;
}>;

/** @param after the cursor of the last row of the previous page. */
export async function selectListedActions(
  database: Queryable,
  filter: ActionFilter,
  limit: number,
  after: string | undefined,
): Promise<ListedAction[]> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions: string[] = [];
  const { author, action, position, domain, since, until } = filter;
  if (author !== undefined) conditions.push(`author = ${bind(author)}`);
  if (action !== undefined) conditions.push(`action = ${bind(action)}`);
  if (position !== undefined) conditions.push(`position = ${bind(String(position))}::bigint`);
  if (domain !== undefined) conditions.push(`domain = ${bind(domain)}`);
  if (since !== undefined) conditions.push(`acted_at >= ${bind(since)}`);
  if (until !== undefined) conditions.push(`acted_at < ${bind(until)}`);
  if (after !== undefined) {
    const [at, record, id] = after.split("_");
    const time = `${bind(at)}::timestamptz`;
    conditions.push(
      `acted_at <= ${time}`,
      `(acted_at, record, id) < (${time}, ${bind(record)}, ${bind(id)}::bigint)`,
    );
  }
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const size = bind(limit);
  const ofOperators =
    position === undefined ? "where position is null or (bulk_id is null and decision_id is null)" : "";
  const ranges = [`${OPERATOR_ACTIONS} ${ofOperators}`, OUTBOX_ACTIONS, SOURCE_ACTIONS].map(
    (record) =>
      `(select * from (${record}) as actions ${where} order by acted_at desc, id desc limit ${size})`,
  );
  const { rows } = await database.query<ListedAction>(
    `select action, acted_at as "actedAt", author, is_verified as "isVerified", reason, domain, source, position, ordinal,
            refusal, redrive_position as "redrivePosition", is_edited as "isEdited", bulk_id as "bulkId", decision_id as "decisionId", letters,
            to_char(acted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '_' || record || '_' || id as cursor
     from (${ranges.join(" union all ")}) as merged
     order by acted_at desc, record desc, id desc limit ${size}`,
    values,
  );
  return rows;
}

/** The domain of a reveal or a bulk action is looked up for the rows of a page, or to filter by it. */
const OPERATOR_ACTIONS = `select 'operator' as record, id, action, acted_at, author, is_verified, reason,
  coalesce(
    domain,
    (select bulk.domain from bulk_redrives as bulk where bulk.id = bulk_id),
    (select inbox.domain from inbox where inbox.position = operator_actions.position)
  ) as domain,
  null as source, position, null::integer as ordinal, null as refusal, redrive_position,
  case when action = 'redrive' then is_edited end as is_edited, bulk_id, decision_id,
  case when position is null then coalesce(
    (select bulk.letters from bulk_redrives as bulk where bulk.id = bulk_id),
    (select bulk.letters from bulk_decisions as bulk where bulk.id = decision_id)
  ) end as letters
  from operator_actions`;

const OUTBOX_ACTIONS = `select 'outbox' as record, id, action || '_event' as action, acted_at, author, is_verified, reason,
  domain, null as source, position, ordinal, refusal, null::bigint as redrive_position, null::boolean as is_edited,
  null::bigint as bulk_id, null::bigint as decision_id, null::bigint as letters
  from outbox_actions`;

const SOURCE_ACTIONS = `select 'source' as record, id, action || '_source' as action, acted_at, author, is_verified, reason,
  domain, source, null::bigint as position, null::integer as ordinal, null as refusal,
  null::bigint as redrive_position, null::boolean as is_edited, null::bigint as bulk_id, null::bigint as decision_id,
  null::bigint as letters
  from source_actions`;
