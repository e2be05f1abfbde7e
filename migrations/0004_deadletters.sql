-- A redrive is a message of its own that refers to the one it redrives: the original never changes. Its id is that
-- position, so the uniqueness of messages lets each position be redriven once and never twice.
alter table inbox add column redrive_of bigint;
alter table inbox add constraint inbox_redrive_check check (
  (source = 'redrive') = (redrive_of is not null)
  and (redrive_of is null or redrive_of < position and message_id = redrive_of::text)
);

-- What dead letters are looked for by. Channel and time are those of the inbox row; the paths are those of the
-- errors, with array indexes folded.
alter table dead_letters
  add column channel text,
  add column received_at timestamptz,
  add column paths text[],
  add column state text not null default 'open' check (state in ('open', 'redriven', 'discarded'));

update dead_letters
set channel = inbox.channel,
    received_at = inbox.received_at,
    paths = (
      select array_agg(distinct regexp_replace(problem ->> 'path', '/\d+(?=/|$)', '/#', 'g'))
      from jsonb_array_elements(errors) as problem
    )
from inbox where inbox.position = dead_letters.position;

alter table dead_letters
  alter column channel set not null,
  alter column received_at set not null,
  alter column paths set not null,
  alter column state drop default;

-- A page of dead letters is read from one of these two, in their order, whatever it is filtered by: by state alone,
-- or by the groups that the other filters leave.
create index dead_letters_state on dead_letters (state, received_at, position);
create index dead_letters_group on dead_letters (fingerprint, channel, state, received_at, position);

-- Dead letters with the same cause on one channel, counted in the transactions that bury them or change their state:
-- there are few of these, however many dead letters there are.
create table dead_letter_groups (
  domain text not null,
  fingerprint text not null,
  channel text not null,
  code text not null,
  paths text[] not null,
  open bigint not null default 0 check (open >= 0),
  redriven bigint not null default 0 check (redriven >= 0),
  discarded bigint not null default 0 check (discarded >= 0),
  first_received_at timestamptz not null,
  last_received_at timestamptz not null,
  -- The newest of them, to look at.
  last_position bigint not null,
  primary key (domain, fingerprint, channel)
);

-- How many of a group arrived in each hour.
create table dead_letter_hours (
  domain text not null,
  fingerprint text not null,
  hour timestamptz not null,
  letters bigint not null check (letters > 0),
  primary key (domain, fingerprint, hour)
);
create index dead_letter_hours_hour on dead_letter_hours (hour);

insert into dead_letter_groups
  (domain, fingerprint, channel, code, paths, open, first_received_at, last_received_at, last_position)
select domain, fingerprint, channel, min(code), min(paths), count(*), min(received_at), max(received_at), max(position)
from dead_letters group by domain, fingerprint, channel;

insert into dead_letter_hours (domain, fingerprint, hour, letters)
select domain, fingerprint, date_trunc('hour', received_at, 'UTC'), count(*) from dead_letters group by 1, 2, 3;

-- Many dead letters redriven as one act: the set is frozen when it begins, and this row says how far it has come, so
-- that whoever goes on after a crash goes on there.
create table bulk_redrives (
  id bigint generated always as identity primary key,
  domain text not null,
  filter jsonb not null,
  author text not null,
  reason text not null,
  failures_max bigint not null check (failures_max >= 0),
  letters bigint not null check (letters > 0),
  status text not null default 'running' check (status in ('running', 'finished', 'stopped', 'cancelled')),
  -- The last place of the set that was redriven or passed over.
  place bigint not null default 0 check (place between 0 and letters),
  redriven bigint not null default 0,
  -- Not open any more when their turn came: somebody else had redriven or discarded them.
  skipped bigint not null default 0,
  -- The highest position that it appended, and the highest whose outcome is counted below.
  last_position bigint not null default 0,
  settled_position bigint not null default 0 check (settled_position <= last_position),
  projected bigint not null default 0,
  duplicate bigint not null default 0,
  dead bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (redriven + skipped = place),
  check (projected + duplicate + dead <= redriven)
);

create table bulk_redrive_letters (
  bulk_id bigint not null references bulk_redrives (id),
  place bigint not null,
  position bigint not null,
  primary key (bulk_id, place)
);

-- What operators did, when and why. Rows are only ever added: this and the inbox are what cannot be rebuilt.
create table operator_actions (
  id bigint generated always as identity primary key,
  action text not null check (
    action in ('redrive', 'discard', 'restore', 'reveal', 'bulk_redrive', 'cancel_bulk_redrive')
  ),
  position bigint,
  bulk_id bigint references bulk_redrives (id),
  -- The group of the dead letter when it was acted on.
  fingerprint text,
  -- The state of the dead letter from then on, where the action changes it.
  state text check (state in ('open', 'redriven', 'discarded')),
  redrive_position bigint,
  is_edited boolean not null default false,
  author text,
  reason text,
  acted_at timestamptz not null default now(),
  check ((action = 'redrive') = (redrive_position is not null)),
  check ((action in ('bulk_redrive', 'cancel_bulk_redrive')) = (position is null)),
  check ((action in ('redrive', 'discard', 'restore')) = (state is not null)),
  check (redrive_position > position)
);
create index operator_actions_position on operator_actions (position, id);
create index operator_actions_bulk on operator_actions (bulk_id, redrive_position);
create index operator_actions_redriven on operator_actions (fingerprint, acted_at) where action = 'redrive';

create trigger operator_actions_append_only before update or delete or truncate on operator_actions
  for each statement execute function refuse_change();
create trigger bulk_redrive_letters_append_only before update or delete or truncate on bulk_redrive_letters
  for each statement execute function refuse_change();
