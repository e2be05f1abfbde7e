-- When the next call to another service may be sent, by the name of the limit. Processes that share a limit take
-- turns on its row.
create table rate_limits (
  name text primary key check (name <> ''),
  next_at timestamptz not null
);
