-- The inbox: what arrived, byte for byte, in the order in which it was committed. It is the truth; every other
-- table can be rebuilt from it, so the database itself refuses to change or remove a row.
create table inbox (
  position bigint generated always as identity primary key,
  domain text not null check (domain <> ''),
  source text not null check (source <> ''),
  channel text not null check (channel <> ''),
  message_id text not null check (message_id <> ''),
  payload bytea not null,
  headers jsonb,
  traceparent text,
  published_at timestamptz,
  received_at timestamptz not null default now(),
  -- The broker's own identity of a message: a redelivered copy cannot become a second row.
  constraint inbox_message_unique unique (source, channel, message_id)
);

-- A domain reads on from its checkpoint; without this, a quiet domain would read through the rows of a busy one.
create index inbox_domain_position on inbox (domain, position);

-- Payloads are written once and read seldom, and most are small: compressing them costs more than it saves.
alter table inbox alter column payload set storage external;

-- Nothing ever leaves dead rows here, so vacuum has only to mark pages as visible and to freeze them.
alter table inbox set (autovacuum_vacuum_insert_scale_factor = 0.05);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'table % is append-only: % is refused', tg_table_name, lower(tg_op)
    using errcode = 'restrict_violation',
          hint = 'Append a new row that refers to the old one instead.';
end
$$;

create trigger inbox_append_only before update or delete or truncate on inbox
  for each statement execute function refuse_change();
