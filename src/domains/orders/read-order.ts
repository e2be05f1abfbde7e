/**
 * An order by its id: from the cache, or read through from PostgreSQL, with one query per id however many ask.
 */
import { POSITION_MAX } from "../../contract/values/integers.ts";
import type { CopySource, Queryable } from "../../database/queryable.ts";
import { type CachedOrder, etagOf, type OrderCache } from "./cache.ts";
import { copyOrdersBefore, type StoredOrder, selectOrders } from "./orders-table.ts";

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
  source: CopySource,
  cache: OrderCache,
  signal: AbortSignal,
): Promise<number> {
  let restored = 0;
  let reading: Promise<StoredOrder[]> | undefined = copyOrdersBefore(source, POSITION_MAX, RESTORE_PAGE_ROWS);
  while (reading && !signal.aborted) {
    const page: StoredOrder[] = await reading;
    const last = page.length < RESTORE_PAGE_ROWS ? undefined : page.at(-1);
    // The next page is on its way while this one is put in.
    reading = last && copyOrdersBefore(source, last.position, RESTORE_PAGE_ROWS);
    for (const { orderUid, document } of page) {
      if (cache.putIfRoom(orderUid, document)) restored++;
      else {
        await reading;
        return restored;
      }
    }
  }
  await reading;
  return restored;
}

/** Large enough that the round trip does not matter, small enough that requests are answered in between. */
const RESTORE_PAGE_ROWS = 4_000;
