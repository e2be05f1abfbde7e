-- Events for other systems. The engine writes them in the transaction of the projection that caused them, and only when
-- it projects live; a rebuild writes none. (position, ordinal) is the order in which they happened: one projector at a
-- time commits in the order of positions.
create table outbox (
  domain text collate "C" not null,
  position bigint not null,
  -- 0 for the first event of a position.
  ordinal integer not null check (ordinal >= 0),
  topic text collate "C" not null check (topic <> ''),
  key text not null,
  payload bytea not null check (octet_length(payload) <= 1048576),
  headers jsonb not null default '{}' check (jsonb_typeof(headers) = 'object'),
  created_at timestamptz not null default now(),
  primary key (domain, position, ordinal)
);

alter table outbox alter column payload set storage external;
