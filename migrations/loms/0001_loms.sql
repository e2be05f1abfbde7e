-- Orders and the stock that they reserve. Commands, items and changes are only ever added; orders and stocks are what they
-- add up to.

-- One row for each command that was decided.
create table loms_commands (
  position bigint primary key,
  id text collate "C" not null unique,
  type text collate "C" not null,
  -- Null if it was not declined.
  reason text collate "C",
  -- The order that it creates or is about; null if there is none.
  order_id bigint,
  -- Domain time: the greatest time of receipt so far.
  at timestamptz not null
);

create table loms_orders (
  id bigint primary key check (id > 0),
  user_id bigint not null check (user_id > 0),
  status text collate "C" not null check (status in ('new', 'awaiting payment', 'payed', 'cancelled', 'failed')),
  -- How many changes it has.
  sequence integer not null check (sequence > 0),
  created_at timestamptz not null,
  created_position bigint not null,
  -- Of the last change.
  position bigint not null
) with (fillfactor = 80);
create index loms_orders_unpaid on loms_orders (created_at) where status = 'awaiting payment';

-- The counts of one SKU are added up.
create table loms_items (
  order_id bigint not null,
  sku bigint not null check (sku between 1 and 4294967295),
  count bigint not null check (count > 0),
  -- That created the order.
  position bigint not null,
  primary key (order_id, sku)
);
create index loms_items_position on loms_items using brin (position) with (pages_per_range = 16);

-- One row version a batch for a busy SKU: room in the page keeps it out of the index.
create table loms_stocks (
  sku bigint primary key check (sku between 1 and 4294967295),
  total bigint not null check (total >= 0),
  -- By others, as the last stock.put says, and by orders that await their payment.
  reserved bigint not null,
  -- What the last stock.put says.
  given_total bigint not null check (given_total >= 0),
  given_reserved bigint not null check (given_reserved >= 0),
  given_position bigint not null,
  -- Of the last change.
  position bigint not null,
  -- What orders reserve is there. What others reserve may be more than there is.
  check (reserved - given_reserved between 0 and total)
) with (fillfactor = 50);

-- The statuses of an order, in their order.
create table loms_changes (
  order_id bigint not null,
  sequence integer not null check (sequence > 0),
  status text collate "C" not null check (status in ('new', 'awaiting payment', 'payed', 'cancelled', 'failed')),
  position bigint not null,
  at timestamptz not null,
  primary key (order_id, sequence)
);
create index loms_changes_position on loms_changes using brin (position) with (pages_per_range = 16);
