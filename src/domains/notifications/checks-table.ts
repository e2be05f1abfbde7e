/** Audit checks of notifications. The engine itself checks that each event has one row. */
import type { AuditCheck } from "../../contract/domain.ts";

/** The last text header of a name, as `headersOf` reads it. */
const header = (name: string) => `(
  select header ->> 1 from jsonb_array_elements(inbox.headers -> 'headers') with ordinality as one (header, place)
  where header ->> 0 = '${name}' and jsonb_typeof(header -> 0) = 'string' and jsonb_typeof(header -> 1) = 'string'
  order by place desc limit 1)`;

export const NOTIFICATIONS_CHECKS: readonly AuditCheck[] = [
  {
    name: "changes_equal_events",
    sql: `select change.position, 'the change of order ' || order_id || ' differs from its event' as detail
          from notifications_changes as change left join inbox using (position)
            cross join lateral (select convert_from(payload, 'UTF8')::json as event) as parsed
          where change.position > $1::bigint
            and (change.message_id, order_id::text, user_id::text, status, moment, sequence::text) is distinct from
              (${header("message-id")}, event ->> 'order_id', event ->> 'user', event ->> 'status',
               (event ->> 'moment')::timestamptz, ${header("sequence")})`,
  },
  {
    name: "sequences_dense_or_counted",
    sql: `select change.position, 'order ' || order_id || ' has a wrong arrival' as detail
          from notifications_changes as change cross join lateral (
            select coalesce(max(sequence), 0) as sequence from notifications_changes as earlier
            where earlier.order_id = change.order_id and earlier.position < change.position
          ) as last
          where change.position > $1::bigint
            and arrival <> case when change.sequence = last.sequence + 1 then 'in_order'
                                when change.sequence > last.sequence then 'gap' else 'out_of_order' end`,
  },
];
