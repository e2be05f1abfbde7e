/** The stocks. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Stock } from "./model.ts";

/** Without unknown SKUs. */
export async function selectStocks(database: Queryable, skus: readonly number[]): Promise<Stock[]> {
  if (skus.length === 0) return [];
  const { rows } = await database.query<Stock>(
    `select sku::float8, total::float8, reserved::float8, given_total::float8 as "givenTotal",
            given_reserved::float8 as "givenReserved", given_position as "givenPosition", position
     from loms_stocks where sku = any($1::bigint[])`,
    [skus],
  );
  return rows;
}

/** Writes stocks as they are after the batch. */
export async function upsertStocks(transaction: Transaction, stocks: readonly Stock[]): Promise<void> {
  if (stocks.length === 0) return;
  await transaction.query(
    `insert into loms_stocks (sku, total, reserved, given_total, given_reserved, given_position, position)
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
     on conflict (sku) do update
     set total = excluded.total, reserved = excluded.reserved, given_total = excluded.given_total,
         given_reserved = excluded.given_reserved, given_position = excluded.given_position, position = excluded.position`,
    [
      stocks.map(({ sku }) => sku),
      stocks.map(({ total }) => total),
      stocks.map(({ reserved }) => reserved),
      stocks.map(({ givenTotal }) => givenTotal),
      stocks.map(({ givenReserved }) => givenReserved),
      stocks.map(({ givenPosition }) => String(givenPosition)),
      stocks.map(({ position }) => String(position)),
    ],
  );
}
