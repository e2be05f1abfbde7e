-- Alerts that a webhook is told of. All processes share the rows, so that a message is sent once and not once by each.
create table notify_alerts (
  id uuid primary key default gen_random_uuid(),
  -- Kind and labels.
  key text collate "C" not null check (key <> ''),
  alert jsonb not null,
  started_at timestamptz not null default now(),
  -- When a process last saw the condition. An alert that no process sees any more has ended.
  seen_at timestamptz not null default now(),
  ended_at timestamptz,
  -- The last state that was delivered or given up.
  settled text check (settled in ('firing', 'resolved')),
  settled_at timestamptz,
  attempts integer not null default 0 check (attempts >= 0),
  -- During an attempt: when another process may try, because this one may have died.
  next_attempt_at timestamptz not null default now(),
  check ((settled is null) = (settled_at is null))
);
create unique index notify_alerts_firing on notify_alerts (key) where ended_at is null;
