/**
 * An order by its id: from the cache, or read through from PostgreSQL, with one query per id however many ask.
 */
import type { Queryable } from "../../database/pool.ts";
import { type CachedOrder, etagOf, type OrderCache } from "./cache.ts";
import { selectOrders, selectOrdersBefore } from "./orders-table.ts";

export type OrderReader = Readonly<{
  /** The order if it is in memory. */
  cached: (orderUid: string) => CachedOrder | undefined;
  /** The order wherever it is; undefined where there is none. */
  read: (orderUid: string) => Promise<CachedOrder | undefined>;
}>;

export function createOrderReader(database: Queryable, cache: OrderCache): OrderReader {
  const underWay = new Map<string, Promise<CachedOrder | undefined>>();

  const readThrough = async (orderUid: string): Promise<CachedOrder | undefined> => {
    const [stored] = await selectOrders(database, [orderUid]);
    if (!stored) return undefined;
    cache.put(orderUid, stored.document);
    return cache.get(orderUid) ?? { document: stored.document, etag: etagOf(stored.document) };
  };

  return {
    cached: (orderUid) => cache.get(orderUid),
    read: (orderUid) => {
      const running = underWay.get(orderUid);
      if (running) return running;
      const reading = readThrough(orderUid).finally(() => underWay.delete(orderUid));
      underWay.set(orderUid, reading);
      return reading;
    },
  };
}

/**
 * Fills the cache from the table, newest first, until it is full or there are no more. The service answers
 * meanwhile.
 * @returns how many orders it put in.
 */
export async function restoreCache(
  database: Queryable,
  cache: OrderCache,
  signal: AbortSignal,
): Promise<number> {
  let before = POSITION_MAX;
  let restored = 0;
  while (!signal.aborted) {
    const page = await selectOrdersBefore(database, before, RESTORE_PAGE_ROWS);
    for (const { orderUid, document } of page) {
      if (!cache.putIfRoom(orderUid, document)) return restored;
      restored++;
    }
    const last = page.at(-1);
    if (!last || page.length < RESTORE_PAGE_ROWS) return restored;
    before = last.position;
  }
  return restored;
}

/** The largest bigint of PostgreSQL: above every position. */
export const POSITION_MAX = 2n ** 63n - 1n;

/** Large enough that the round trip does not matter, small enough that requests are answered in between. */
const RESTORE_PAGE_ROWS = 1_000;
