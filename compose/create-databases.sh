#!/bin/sh
# A database with roles of its own for each service of the marketplace; run once by the PostgreSQL image.
set -eu
for name in product loms cart notifications; do
  WAYBILL_DATABASE=$name sh /usr/local/share/waybill/create-database.sh
done
