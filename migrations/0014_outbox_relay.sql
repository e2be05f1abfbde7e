-- How far the relay of each domain has come in the outbox: everything up to this place was sent, or is held back because
-- its key is blocked. One row a domain, updated once a batch.
create table outbox_checkpoints (
  domain text collate "C" primary key,
  position bigint not null default 0 check (position >= 0),
  ordinal integer not null default -1 check (ordinal >= -1),
  -- Rises when another relay takes over. A relay with an older epoch cannot move the checkpoint any more.
  epoch bigint not null default 0 check (epoch >= 0),
  -- Until when no other relay takes over; null if the relay has nothing to do.
  turn_until timestamptz,
  updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- Events that the broker refuses for good. Later events of the same topic and key wait behind them, in the outbox.
create table outbox_refusals (
  domain text collate "C" not null,
  position bigint not null,
  ordinal integer not null,
  topic text collate "C" not null,
  key text not null,
  -- The broker's name of the error.
  reason text not null check (reason <> ''),
  -- `released`: an operator wants the events of the key to be sent again. The relay removes the row when they were.
  state text not null default 'blocked' check (state in ('blocked', 'released')),
  refused_at timestamptz not null default now(),
  primary key (domain, position, ordinal)
);

-- What operators did about refused events. Rows are only ever added.
create table outbox_actions (
  id bigint generated always as identity primary key,
  domain text collate "C" not null,
  position bigint not null,
  ordinal integer not null,
  action text not null check (action in ('release', 'discard')),
  -- Why the broker had refused the event.
  refusal text not null,
  author text not null check (author <> ''),
  reason text not null check (reason <> ''),
  acted_at timestamptz not null default now()
);

create trigger outbox_actions_append_only before update or delete or truncate on outbox_actions
  for each statement execute function refuse_change();
