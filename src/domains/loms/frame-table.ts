/** State that every batch needs, in one query. */
import type { Queryable } from "../../database/queryable.ts";
import { PAYMENT_MS } from "./model.ts";

export type Frame = Readonly<{
  /** Domain time of the last command, since the Unix epoch; 0 if there is none. */
  nowMs: number;
  /** 0 if there is none. */
  lastOrder: bigint;
  /** When the next unpaid order expires. */
  nextDueMs: number | undefined;
}>;

export async function selectFrame(database: Queryable): Promise<Frame> {
  const { rows } = await database.query<{
    nowMs: number | null;
    lastOrder: bigint | null;
    firstUnpaidMs: number | null;
  }>(
    `select (select (extract(epoch from at) * 1000)::float8 from loms_commands order by position desc limit 1) as "nowMs",
            (select max(id) from loms_orders) as "lastOrder",
            (select (extract(epoch from min(created_at)) * 1000)::float8 from loms_orders
             where status = 'awaiting payment') as "firstUnpaidMs"`,
  );
  const { nowMs, lastOrder, firstUnpaidMs } = rows[0] as (typeof rows)[number];
  return {
    nowMs: nowMs ?? 0,
    lastOrder: lastOrder ?? 0n,
    nextDueMs: firstUnpaidMs === null ? undefined : firstUnpaidMs + PAYMENT_MS,
  };
}
