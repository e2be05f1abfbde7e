/** Statements on products. */
import { parsePosition } from "../../contract/values/integers.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";

export type Product = Readonly<{
  sku: number;
  name: string;
  /** Minor units of the currency. */
  price: number;
  /** Position of the last command. */
  position: bigint;
}>;

export async function selectProduct(
  database: Queryable,
  sku: number,
): Promise<Pick<Product, "name" | "price"> | undefined> {
  const { rows } = await database.query<{ name: string; price: bigint }>(
    "select name, price from product_products where sku = $1",
    [sku],
  );
  const [row] = rows;
  return row && { name: row.name, price: Number(row.price) };
}

/** The last command for a SKU. @param sku any text. */
export async function selectProductPositions(database: Queryable, sku: string): Promise<bigint[]> {
  const number = parsePosition(sku);
  if (number === undefined) return [];
  const { rows } = await database.query<{ position: bigint }>(
    "select position from product_products where sku = $1",
    [String(number)],
  );
  return rows.map(({ position }) => position);
}

/** Ascending. */
export async function selectSkus(database: Queryable, after: number, limit: number): Promise<number[]> {
  const { rows } = await database.query<{ sku: bigint }>(
    "select sku from product_products where sku > $1 order by sku limit $2",
    [after, limit],
  );
  return rows.map(({ sku }) => Number(sku));
}

/** @param products one per SKU, newer than the stored one. */
export async function upsertProducts(transaction: Transaction, products: readonly Product[]): Promise<void> {
  if (products.length === 0) return;
  await transaction.query(
    `insert into product_products (sku, name, price, position)
     select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
     on conflict (sku) do update set name = excluded.name, price = excluded.price, position = excluded.position`,
    [
      products.map(({ sku }) => sku),
      products.map(({ name }) => name),
      products.map(({ price }) => price),
      products.map(({ position }) => String(position)),
    ],
  );
}
