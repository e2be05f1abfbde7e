/** Statements on currencies. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import type { Currency } from "./model.ts";

export async function selectCurrencies(database: Queryable): Promise<Currency[]> {
  const { rows } = await database.query<Currency>(
    `select code, numeric_code as "numericCode", exponent, enabled, position from wallet_currencies order by code`,
  );
  return rows;
}

export async function readCurrencies(database: Queryable): Promise<ReadonlyMap<string, Currency>> {
  return new Map((await selectCurrencies(database)).map((currency) => [currency.code, currency]));
}

export async function upsertCurrencies(
  transaction: DatabaseTransaction,
  currencies: readonly Currency[],
): Promise<void> {
  for (const { code, numericCode, exponent, enabled, position } of currencies) {
    await transaction.query(
      `insert into wallet_currencies (code, numeric_code, exponent, enabled, position) values ($1, $2, $3, $4, $5)
       on conflict (code) do update set enabled = excluded.enabled, position = excluded.position`,
      [code, numericCode, exponent, enabled, String(position)],
    );
  }
}
