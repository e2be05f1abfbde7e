#!/bin/sh
# Makes the two roles and the database of Waybill. Run it as a superuser of PostgreSQL 15 or newer before the first
# migration. A second run sets the passwords again and changes nothing else. The official PostgreSQL image runs it by
# itself; elsewhere:
#
#   WAYBILL_OWNER_PASSWORD=... WAYBILL_PASSWORD=... sh migrations/create-database.sh
#
# The server is the one that psql finds: PGHOST, PGPORT, PGUSER (by default POSTGRES_USER, or postgres) and PGPASSWORD.
set -eu
if [ -z "${WAYBILL_OWNER_PASSWORD:-}" ] || [ -z "${WAYBILL_PASSWORD:-}" ]; then
  echo 'create-database.sh: set WAYBILL_OWNER_PASSWORD (of the role that owns the tables) and WAYBILL_PASSWORD (of the service)' >&2
  exit 2
fi
export WAYBILL_OWNER_PASSWORD WAYBILL_PASSWORD
# The passwords are read by psql itself: as arguments they would stand in the list of processes.
psql -X -q -v ON_ERROR_STOP=1 -U "${PGUSER:-${POSTGRES_USER:-postgres}}" -d postgres <<'SQL'
\set owner_password `printf %s "$WAYBILL_OWNER_PASSWORD"`
\set service_password `printf %s "$WAYBILL_PASSWORD"`
do $$ begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception 'Waybill needs PostgreSQL 15 or newer, not %', current_setting('server_version');
  end if;
end $$;
select format('create role %I', name) from unnest(array['waybill_owner', 'waybill']) as name
where not exists (select from pg_roles where rolname = name)
\gexec
alter role waybill_owner login password :'owner_password';
alter role waybill login password :'service_password';
select $$create database waybill owner waybill_owner encoding 'UTF8' template template0$$
where not exists (select from pg_database where datname = 'waybill')
\gexec
-- By default every role may connect to a new database and make temporary tables in it.
revoke connect, temporary on database waybill from public;
grant connect on database waybill to waybill;
SQL
