create table ledger_entries (
  id text primary key,
  position bigint not null unique,
  account text not null,
  amount bigint not null,
  received_at_ms float8 not null,
  is_declined boolean not null
);
create table ledger_accounts (
  account text primary key,
  balance bigint not null check (balance >= 0)
);
