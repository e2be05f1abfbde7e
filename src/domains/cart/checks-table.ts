/** The cart's audit checks. `$1` is the last audited position; 0 checks all rows. */
import type { AuditCheck } from "../../contract/domain.ts";

export const CART_CHECKS: readonly AuditCheck[] = [
  {
    name: "items_hold_one_or_more",
    sql: `select position, 'a cart holds no piece of a SKU' as detail
          from cart_items where position > $1::bigint and count < 1`,
  },
  {
    name: "one_open_checkout_a_user",
    sql: `select max(position) as position, 'a user has more than one open checkout' as detail
          from cart_checkouts where state = 'open' and $1::bigint is not null
          group by user_id having count(*) > 1`,
  },
  {
    name: "done_has_order",
    sql: `select position, 'a checkout that is done has no order, or an open one has' as detail
          from cart_checkouts
          where position > $1::bigint
            and case state when 'done' then order_id is null when 'open' then order_id is not null else false end`,
  },
  {
    name: "checkouts_have_items",
    sql: `select position, 'a checkout orders nothing' as detail
          from cart_checkouts
          where position > $1::bigint
            and not exists (select from cart_checkout_items as item where item.checkout = cart_checkouts.id)`,
  },
  {
    name: "frozen_items_have_checkouts",
    sql: `select position, 'a frozen item belongs to no checkout of its position' as detail
          from cart_checkout_items as item
          where position > $1::bigint and not exists (
            select from cart_checkouts where id = item.checkout and opened_position = item.position)`,
  },
  {
    name: "frozen_within_open_checkout",
    sql: `select held.position, 'more is frozen in a cart than its open checkout orders' as detail
          from cart_items as held
            left join cart_checkouts as checkout on checkout.user_id = held.user_id and checkout.state = 'open'
            left join cart_checkout_items as item on item.checkout = checkout.id and item.sku = held.sku
          where held.position > $1::bigint and held.frozen > coalesce(item.count, 0)`,
  },
  {
    name: "checkouts_follow_commands",
    sql: `select checkout.position, 'a checkout differs from its commands' as detail
          from cart_checkouts as checkout
            left join cart_commands as begun on begun.position = checkout.opened_position
            left join cart_commands as last on last.position = checkout.position
          where checkout.position > $1::bigint
            and ((begun.id, begun.type, begun.user_id, begun.reason)
                   is distinct from (checkout.id, 'checkout.begin', checkout.user_id, null)
              or (last.checkout, last.type, last.user_id, last.reason) is distinct from
                 (checkout.id, case checkout.state when 'open' then 'checkout.begin' else 'checkout.' || checkout.state end,
                  checkout.user_id, null))`,
  },
  {
    name: "commands_begin_checkouts",
    sql: `select command.position, 'a checkout that was begun is missing' as detail
          from cart_commands as command left join cart_checkouts as checkout on checkout.id = command.checkout
          where command.position > $1::bigint and command.reason is null and command.checkout is not null
            and checkout.id is null`,
  },
];
