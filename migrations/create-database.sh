#!/bin/sh
# Makes the two roles and the database of Waybill. Run it as a superuser of PostgreSQL 15 or newer before the first
# migration. A second run sets the passwords again and changes nothing else. The official PostgreSQL image runs it by
# itself; elsewhere:
#
#   WAYBILL_OWNER_PASSWORD=... WAYBILL_PASSWORD=... sh migrations/create-database.sh
#
# Several services may share a server: WAYBILL_DATABASE names the database and the service's role (by default waybill); the
# owner has the same name with "_owner" behind it.
# The server is the one that psql finds: PGHOST, PGPORT, PGUSER (by default POSTGRES_USER, or postgres) and PGPASSWORD.
set -eu
if [ -z "${WAYBILL_OWNER_PASSWORD:-}" ] || [ -z "${WAYBILL_PASSWORD:-}" ]; then
  echo 'create-database.sh: set WAYBILL_OWNER_PASSWORD (of the role that owns the tables) and WAYBILL_PASSWORD (of the service)' >&2
  exit 2
fi
export WAYBILL_OWNER_PASSWORD WAYBILL_PASSWORD WAYBILL_DATABASE="${WAYBILL_DATABASE:-waybill}"
# The passwords are read by psql itself: as arguments they would stand in the list of processes.
psql -X -q -v ON_ERROR_STOP=1 -U "${PGUSER:-${POSTGRES_USER:-postgres}}" -d postgres <<'SQL'
\set owner_password `printf %s "$WAYBILL_OWNER_PASSWORD"`
\set service_password `printf %s "$WAYBILL_PASSWORD"`
do $$ begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception 'Waybill needs PostgreSQL 15 or newer, not %', current_setting('server_version');
  end if;
end $$;
\set name `printf %s "$WAYBILL_DATABASE"`
\set owner :name _owner
select format('create role %I', name) from unnest(array[:'owner', :'name']) as name
where not exists (select from pg_roles where rolname = name)
\gexec
alter role :"owner" login password :'owner_password';
alter role :"name" login password :'service_password';
select format('create database %I owner %I encoding ''UTF8'' template template0', :'name', :'owner')
where not exists (select from pg_database where datname = :'name')
\gexec
-- By default every role may connect to a new database and make temporary tables in it.
revoke connect, temporary on database :"name" from public;
grant connect on database :"name" to :"name";
SQL
