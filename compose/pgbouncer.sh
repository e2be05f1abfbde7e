#!/bin/sh
# Runs PgBouncer in transaction mode. WAYBILL_PASSWORD is that of each service's role, POSTGRES_HOST the server behind it.
set -eu
umask 077
folder=$(mktemp -d)
password=$(printf %s "$WAYBILL_PASSWORD" | sed 's/"/""/g')
for name in product loms cart notifications; do
  printf '"%s" "%s"\n' "$name" "$password" >> "$folder/users.txt"
  databases="${databases:-}$name = host=$POSTGRES_HOST port=5432
"
done
cat > "$folder/pgbouncer.ini" <<INI
[databases]
$databases
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users.txt
pool_mode = transaction
max_client_conn = 400
INI
exec pgbouncer "$folder/pgbouncer.ini"
