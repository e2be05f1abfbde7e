#!/bin/sh
# Run once as the superuser, before the first migration: two roles and a database of Waybill's own. The official
# PostgreSQL image runs it by itself; elsewhere run it where psql reaches the server as a superuser.
set -eu
: "${WAYBILL_OWNER_PASSWORD:?}" "${WAYBILL_PASSWORD:?}"
psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres \
  -v owner_password="$WAYBILL_OWNER_PASSWORD" -v service_password="$WAYBILL_PASSWORD" <<'SQL'
create role waybill_owner login password :'owner_password';
create role waybill login password :'service_password';
create database waybill owner waybill_owner encoding 'UTF8' template template0;
SQL
