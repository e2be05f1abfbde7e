-- Whether the author of an action signed in with a token of this name. Authors of earlier actions were not verified.
alter table operator_actions add column is_verified boolean not null default false;
alter table outbox_actions add column is_verified boolean not null default false;
alter table bulk_redrives add column is_verified boolean not null default false;

-- Sessions of the pages. The cookie holds a random secret; the row holds only its hash, so that the table's contents do
-- not sign in. `token_mac` binds the session to the token that began it: a changed token ends its sessions. Signing out
-- deletes the row; expired rows are deleted at the next sign-in.
create table sessions (
  id bytea primary key check (octet_length(id) = 32),
  -- Null: the session of ADMIN_TOKEN.
  name text check (name <> ''),
  token_mac bytea not null check (octet_length(token_mac) = 32),
  expires_at timestamptz not null
);
create index sessions_expires_at on sessions (expires_at);

-- The signed cookies whose ends it recorded are not valid any more.
drop table ended_sessions;

-- The list of all actions, newest first, without the single letters of bulk actions.
create index operator_actions_listed on operator_actions (acted_at, id) where bulk_id is null or position is null;
create index outbox_actions_listed on outbox_actions (acted_at, id);
