-- What users mean to buy, and the checkouts that make orders of it.

-- One row for each command that was decided.
create table cart_commands (
  position bigint primary key,
  id text collate "C" not null unique,
  type text collate "C" not null,
  user_id bigint not null check (user_id > 0),
  -- Null if it succeeded.
  reason text collate "C",
  -- The checkout that it is about.
  checkout text collate "C"
);

-- Of each count, so many are frozen: the open checkout of the user orders them.
create table cart_items (
  user_id bigint not null check (user_id > 0),
  sku bigint not null check (sku between 1 and 4294967295),
  count integer not null,
  frozen integer not null,
  position bigint not null,
  primary key (user_id, sku),
  constraint cart_items_count check (count between 1 and 65535),
  constraint cart_items_frozen check (frozen between 0 and count)
) with (fillfactor = 70);

create table cart_checkouts (
  id text collate "C" primary key,
  user_id bigint not null check (user_id > 0),
  state text collate "C" not null check (state in ('open', 'done', 'failed')),
  order_id bigint check (order_id > 0),
  -- What the order service said of one that failed.
  status text collate "C",
  reason text collate "C",
  message text,
  opened_position bigint not null,
  position bigint not null,
  constraint cart_checkouts_order check (case state
    when 'open' then order_id is null and status is null
    when 'done' then order_id is not null and status is null
    else status is not null end)
) with (fillfactor = 70);
-- A user has at most one that is open.
create unique index cart_checkouts_open on cart_checkouts (user_id) where state = 'open';
create index cart_checkouts_waiting on cart_checkouts (opened_position) where state = 'open';

create table cart_checkout_items (
  checkout text collate "C" not null,
  sku bigint not null check (sku between 1 and 4294967295),
  count integer not null check (count between 1 and 65535),
  -- That began the checkout.
  position bigint not null,
  primary key (checkout, sku)
);
create index cart_checkout_items_position on cart_checkout_items using brin (position) with (pages_per_range = 16);
