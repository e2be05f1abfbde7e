-- How far each domain has come, and how many positions ended in which outcome. The totals are kept in the
-- transaction that projects, so that counts cost the same however large the tables are.
create table checkpoints (
  domain text primary key,
  position bigint not null default 0 check (position >= 0),
  projected bigint not null default 0 check (projected >= 0),
  duplicate bigint not null default 0 check (duplicate >= 0),
  dead bigint not null default 0 check (dead >= 0),
  updated_at timestamptz not null default now()
);

-- Positions whose content had been accepted before, each with the position that came first.
create table duplicates (
  position bigint primary key,
  domain text not null,
  original_position bigint not null,
  check (original_position < position)
);

-- Positions that could not be projected. The raw bytes are in the inbox, once.
create table dead_letters (
  position bigint primary key,
  domain text not null,
  code text not null check (
    code in ('empty', 'too_large', 'not_utf8', 'not_json', 'schema', 'conflict', 'projection_failed')
  ),
  fingerprint text not null,
  errors jsonb not null check (jsonb_typeof(errors) = 'array' and jsonb_array_length(errors) > 0),
  -- Of a conflict: the position that holds the same id with other content.
  original_position bigint,
  check ((code = 'conflict') = (original_position is not null)),
  check (original_position < position)
);
