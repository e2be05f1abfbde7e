/** Audit checks: each returns the rows that break a rule. `$1` is the last proved position, or 0 for a full audit. */
import type { AuditCheck } from "../../contract/domain.ts";
import { PAYMENT_MS } from "./model.ts";

const PAYMENT_TIME = `${PAYMENT_MS} * interval '1 millisecond'`;

const PREVIOUS = `
  left join loms_changes as previous
    on previous.order_id = change.order_id and previous.sequence = change.sequence - 1`;

const LAST = `
  left join lateral (
    select status, sequence, position from loms_changes as latest
    where latest.order_id = changed.id order by sequence desc limit 1
  ) as last on true`;

export const LOMS_CHECKS: readonly AuditCheck[] = [
  {
    name: "reserved_is_sum_of_unpaid_orders",
    sql: `select coalesce(stock.position, unpaid.position) as position,
                 'what is reserved of SKU ' || sku || ' is not what others and unpaid orders reserve' as detail
          from loms_stocks as stock full join (
            select sku, sum(count) as count, max(loms_orders.position) as position
            from loms_orders join loms_items on order_id = id
            where status = 'awaiting payment' group by sku
          ) as unpaid using (sku)
          where $1::bigint is not null
            and coalesce(stock.reserved, 0) <> coalesce(stock.given_reserved, 0) + coalesce(unpaid.count, 0)`,
  },
  {
    // Full audits only: it sums all payed orders since the last stock.put.
    name: "total_moves_once_for_each_payed_order",
    sql: `select stock.position, 'the total of SKU ' || sku || ' is not what payed orders left of it' as detail
          from loms_stocks as stock left join (
            select sku, sum(item.count) as count
            from loms_orders as payed join loms_items as item on order_id = id join loms_stocks using (sku)
            where status = 'payed' and payed.position > given_position and $1::bigint = 0 group by sku
          ) as payed using (sku)
          where $1::bigint = 0 and stock.total <> stock.given_total - coalesce(payed.count, 0)`,
  },
  {
    name: "order_ids_without_gap",
    sql: `select position, 'order ' || coalesce(order_id::text, 'without id') || ' does not follow the one before it' as detail
          from (select position, order_id, row_number() over (order by position) as place from loms_commands
                where position > $1::bigint and type = 'order.create') as created
            cross join (select coalesce((select order_id from loms_commands
                        where position <= $1::bigint and type = 'order.create'
                        order by position desc limit 1), 0) as id) as before
          where order_id is distinct from before.id + place`,
  },
  {
    name: "commands_have_orders",
    sql: `select command.position, 'order ' || order_id || ' is not what the command that creates it says' as detail
          from loms_commands as command left join loms_orders as created on created.id = order_id
          where command.position > $1::bigint and type = 'order.create'
            and (command.position, at, reason is null)
              is distinct from (created_position, created_at, status <> 'failed')`,
  },
  {
    // Also finds orders without items and items without an order.
    name: "items_are_those_of_the_command",
    sql: `select created.position, 'the items of order ' || order_id || ' are not those that were ordered' as detail
          from loms_commands as created join inbox using (position)
            cross join lateral (
              select jsonb_object_agg(sku, count) as items from (
                select (item ->> 'sku')::numeric::bigint as sku, sum((item ->> 'count')::numeric)::bigint as count
                from jsonb_array_elements(convert_from(payload, 'UTF8')::jsonb -> 'items') as item group by 1
              ) as one
            ) as ordered
            cross join lateral (
              select jsonb_object_agg(sku, count) as items from loms_items as item where item.order_id = created.order_id
            ) as stored
          where created.position > $1::bigint and type = 'order.create' and ordered.items is distinct from stored.items
          union all
          select position, 'an item of order ' || order_id || ' belongs to none that was created there'
          from loms_items as item where position > $1::bigint and not exists (
            select from loms_orders where id = item.order_id and created_position = item.position)`,
  },
  {
    name: "changes_without_gap",
    sql: `select change.position, 'a change of order ' || change.order_id || ' before this one is missing' as detail
          from loms_changes as change ${PREVIOUS}
          where change.position > $1::bigint and change.sequence > 1 and previous.sequence is null`,
  },
  {
    name: "changes_follow_each_other",
    sql: `select change.position, 'order ' || change.order_id || ' cannot come into its status from the one before' as detail
          from loms_changes as change ${PREVIOUS}
          where change.position > $1::bigint
            and not coalesce(case
              when change.sequence = 1 then change.status = 'new'
              -- A gap is another check's business.
              when previous.sequence is null then true
              else previous.position <= change.position
                and (previous.status, change.status) in (('new', 'awaiting payment'), ('new', 'failed'),
                  ('awaiting payment', 'payed'), ('awaiting payment', 'cancelled'))
            end, false)`,
  },
  {
    name: "orders_equal_last_change",
    sql: `select changed.position, 'order ' || changed.id || ' is not what its last change says' as detail
          from loms_orders as changed ${LAST}
          where (changed.position > $1::bigint or $1::bigint = 0)
            and (changed.status, changed.sequence, changed.position)
              is distinct from (last.status, last.sequence, last.position)`,
  },
  {
    name: "changes_have_orders",
    sql: `select max(position) as position, 'changes of order ' || order_id || ' belong to no order' as detail
          from loms_changes as change
          where position > $1::bigint and not exists (select from loms_orders where id = change.order_id)
          group by order_id`,
  },
  {
    name: "changes_have_causes",
    sql: `select change.position, 'nothing made order ' || change.order_id || ' ' || change.status as detail
          from loms_changes as change
            left join loms_commands as command using (position) left join loms_orders as changed on changed.id = change.order_id
          where change.position > $1::bigint
            and not coalesce(case
              when change.status = 'payed' then
                command.type = 'order.pay' and command.order_id = change.order_id and command.reason is null
              when change.status = 'cancelled' then
                change.at >= changed.created_at + ${PAYMENT_TIME} or
                (command.type = 'order.cancel' and command.order_id = change.order_id and command.reason is null)
              else command.type = 'order.create' and command.order_id = change.order_id
            end and change.at = command.at, false)`,
  },
  {
    name: "decisions_are_kept",
    sql: `select command.position, 'order ' || command.order_id || ' is not what the command made it' as detail
          from loms_commands as command join loms_orders as decided on decided.id = command.order_id
          where command.position > $1::bigint and command.reason is null
            and ((command.type = 'order.pay' and decided.status <> 'payed')
              or (command.type = 'order.cancel' and decided.status <> 'cancelled'))`,
  },
  {
    name: "overdue_orders_are_cancelled",
    sql: `select unpaid.position, 'order ' || unpaid.id || ' awaits its payment for too long' as detail
          from loms_orders as unpaid
          where unpaid.status = 'awaiting payment' and $1::bigint is not null
            and unpaid.created_at + ${PAYMENT_TIME} <= (select at from loms_commands order by position desc limit 1)`,
  },
];
