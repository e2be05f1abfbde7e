/** From the cache, else from PostgreSQL, with one query for the ids that callers ask for at the same time. */

import { Gatherer } from "../../contract/gather.ts";
import { POSITION_MAX } from "../../contract/values/integers.ts";
import type { CopySource, Queryable } from "../../database/queryable.ts";
import { type CachedOrder, etagOf, type OrderCache } from "./cache.ts";
import { copyOrdersBefore, type StoredOrder, selectOrders } from "./orders-table.ts";

export type OrderReader = Readonly<{
  cached: (orderUid: string) => CachedOrder | undefined;
  read: (orderUid: string) => Promise<CachedOrder | undefined>;
}>;

export function createOrderReader(database: Queryable, cache: OrderCache): OrderReader {
  const readThrough = async (orderUids: readonly string[]): Promise<ReadonlyMap<string, CachedOrder>> => {
    const stored = await selectOrders(database, orderUids);
    return new Map(
      stored.map(({ orderUid, document, position }) => {
        cache.put(orderUid, document, position);
        return [orderUid, cache.get(orderUid) ?? { document, position, etag: etagOf(document) }];
      }),
    );
  };
  const gatherer = new Gatherer(readThrough, { isImmutable: true });
  return {
    cached: (orderUid) => cache.get(orderUid),
    read: (orderUid) => gatherer.find(orderUid),
  };
}

/** Newest first, until the cache is full. Callers are served meanwhile. */
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
    reading = last && copyOrdersBefore(source, last.position, RESTORE_PAGE_ROWS);
    for (const { orderUid, document, position } of page) {
      if (cache.putIfRoom(orderUid, document, position)) restored++;
      else {
        await reading;
        return restored;
      }
    }
  }
  await reading;
  return restored;
}

/** Amortises the round trip, but lets requests in between pages. */
const RESTORE_PAGE_ROWS = 4_000;
