/** What every batch needs, in one query. */
import type { Queryable } from "../../database/queryable.ts";
import type { Currency } from "./model.ts";

export type Frame = Readonly<{
  /** Domain time of the last transaction; 0 without one. */
  nowMs: number;
  nextExpiryMs: number | undefined;
  currencies: readonly Currency[];
}>;

export async function selectFrame(database: Queryable): Promise<Frame> {
  const { rows } = await database.query<{
    nowMs: number | null;
    nextExpiryMs: number | null;
    currencies: readonly (Omit<Currency, "position"> & { position: string })[] | null;
  }>(
    `select (select (extract(epoch from at) * 1000)::float8 from wallet_transactions order by position desc limit 1) as "nowMs",
            (select (extract(epoch from min(expires_at)) * 1000)::float8 from wallet_holds where status = 'open') as "nextExpiryMs",
            (select json_agg(json_build_object('code', code, 'numericCode', numeric_code, 'exponent', exponent,
                                               'enabled', enabled, 'position', position::text))
             from wallet_currencies) as currencies`,
  );
  const { nowMs, nextExpiryMs, currencies } = rows[0] as (typeof rows)[number];
  return {
    nowMs: nowMs ?? 0,
    nextExpiryMs: nextExpiryMs ?? undefined,
    currencies: (currencies ?? []).map((currency) => ({ ...currency, position: BigInt(currency.position) })),
  };
}
