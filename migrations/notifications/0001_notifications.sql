-- The changes of orders, as the events of the order service tell them. Rows are only ever added.

-- One row for each change.
create table notifications_changes (
  position bigint primary key,
  -- The identity of the event: a copy has the same one.
  message_id text collate "C" not null unique,
  order_id bigint not null check (order_id > 0),
  user_id bigint not null check (user_id > 0),
  status text collate "C" not null check (status in ('new', 'awaiting payment', 'payed', 'cancelled', 'failed')),
  -- When the order came into the status.
  moment timestamptz not null,
  -- 1 for the first change of the order.
  sequence integer not null check (sequence > 0),
  -- How its sequence follows the greatest one of its order before it.
  arrival text collate "C" not null check (arrival in ('in_order', 'gap', 'out_of_order'))
);
create index notifications_changes_user on notifications_changes (user_id, moment, position);
-- Not unique: a change that comes again under another identity is written, and counted.
create index notifications_changes_order on notifications_changes (order_id, sequence);
