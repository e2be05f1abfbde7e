-- Sources that operators paused: a process receives no messages from them until they are resumed.
create table paused_sources (
  domain text collate "C" not null,
  source text collate "C" not null,
  author text not null check (author <> ''),
  -- Whether the author signed in with a token of this name.
  is_verified boolean not null,
  reason text not null check (reason <> ''),
  paused_at timestamptz not null default now(),
  primary key (domain, source)
);

-- Who paused and resumed sources, when and why. Rows are only ever added.
create table source_actions (
  id bigint generated always as identity primary key,
  action text not null check (action in ('pause', 'resume')),
  domain text collate "C" not null,
  source text collate "C" not null,
  author text not null check (author <> ''),
  -- Whether the author signed in with a token of this name.
  is_verified boolean not null,
  reason text not null check (reason <> ''),
  acted_at timestamptz not null default now()
);
create index source_actions_domain on source_actions (domain, id);
-- The list of all actions, newest first.
create index source_actions_listed on source_actions (acted_at, id);

create trigger source_actions_append_only before update or delete or truncate on source_actions
  for each statement execute function refuse_change();
