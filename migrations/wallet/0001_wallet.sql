-- Money in minor units of its currency. Transactions and postings are only ever added; accounts, holds and currencies are
-- what they add up to.

create table wallet_currencies (
  code text collate "C" primary key,
  numeric_code integer not null,
  exponent integer not null,
  enabled boolean not null,
  position bigint not null
);

-- One row for each command that was decided.
create table wallet_transactions (
  position bigint primary key,
  owner text collate "C" not null,
  id text collate "C" not null,
  type text collate "C" not null,
  -- Null if it succeeded.
  reason text collate "C",
  -- Domain time: the greatest time of receipt so far.
  at timestamptz not null,
  currency text collate "C",
  amount numeric(38, 0),
  counterparty text collate "C",
  hold text collate "C",
  original_position bigint,
  reversed_total numeric(38, 0),
  available numeric(38, 0),
  unique (owner, id)
);
create index wallet_transactions_at on wallet_transactions (at, position);
create index wallet_transactions_original on wallet_transactions (original_position, position)
  where original_position is not null;
create index wallet_transactions_declined on wallet_transactions (owner, position) where reason is not null;

-- The key finds the balance of an account at any position with one look.
create table wallet_postings (
  owner text collate "C" not null,
  currency text collate "C" not null,
  kind text collate "C" not null check (kind in ('available', 'held')),
  position bigint not null,
  sequence bigint not null,
  amount numeric(38, 0) not null check (amount <> 0),
  balance_after numeric(38, 0) not null,
  cause text collate "C" not null check (cause in ('command', 'expiry')),
  hold text collate "C",
  primary key (owner, currency, kind, position, sequence)
);
create index wallet_postings_position on wallet_postings using brin (position) with (pages_per_range = 16);

-- One row version a batch for a busy account: room in the page keeps it out of the index.
create table wallet_accounts (
  owner text collate "C" not null,
  currency text collate "C" not null,
  kind text collate "C" not null check (kind in ('available', 'held')),
  balance numeric(38, 0) not null,
  sequence bigint not null,
  position bigint not null,
  primary key (owner, currency, kind),
  check (balance >= 0 or owner = 'external')
) with (fillfactor = 50);

create table wallet_holds (
  owner text collate "C" not null,
  id text collate "C" not null,
  currency text collate "C" not null,
  amount numeric(38, 0) not null,
  remaining numeric(38, 0) not null,
  status text collate "C" not null check (status in ('open', 'captured', 'released', 'expired')),
  expires_at timestamptz not null,
  opened_position bigint not null,
  position bigint not null,
  primary key (owner, id),
  check (remaining between 0 and amount),
  check ((status = 'open') = (remaining > 0))
) with (fillfactor = 70);
create index wallet_holds_open on wallet_holds (expires_at) where status = 'open';
