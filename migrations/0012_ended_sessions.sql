-- Sessions of operators that were ended by signing out. Every process looks here, so that a session ends everywhere at
-- once. A row is of no use after the time at which its session would have expired anyway, and is removed then.
create table ended_sessions (
  session_id text primary key check (session_id <> ''),
  expires_at timestamptz not null
);
create index ended_sessions_expires_at on ended_sessions (expires_at);
