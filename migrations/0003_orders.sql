-- The orders domain's read table. An order never changes once it is accepted.
create table orders (
  order_uid text primary key check (char_length(order_uid) between 1 and 128),
  position bigint not null unique,
  customer_id text not null,
  track_number text not null,
  date_created timestamptz not null,
  -- json and not jsonb: the text that was accepted is the text that is served.
  document json not null
);

-- Kept beside the row and not compressed, for the same reason as in the inbox.
alter table orders alter column document set storage external;
