/**
 * The orders domain: messages enter; rows of `orders`, cached documents and dead letters leave. The first write of
 * an id wins.
 */
import { integerBetween } from "../../config/rules.ts";
import type { DomainContext, DomainModule, DomainService } from "../../contract/domain.ts";
import { OrderCache } from "./cache.ts";
import { type NewOrder, selectOrderUid, selectPositionsOf } from "./orders-table.ts";
import { OrdersProjection } from "./projection.ts";
import { createOrderReader, restoreCache } from "./read-order.ts";
import { INTAKE, listed, ordersRoutes, type ReadCounts } from "./routes.ts";
import { ORDER_PATHS } from "./schema.ts";

export type OrdersSettings = Readonly<{
  cacheBytesMax: number;
}>;

export const orders: DomainModule<OrdersSettings, NewOrder> = {
  name: "orders",
  tables: [{ name: "orders", key: ["order_uid"] }],
  // Privileges only: the engine's own migrations create the table.
  migrations: new URL("../../../migrations/orders/", import.meta.url),
  paths: ORDER_PATHS,
  personalNames: ["name", "phone", "email", "address", "zip", "city"],
  personalPaths: ["/delivery"],
  documents: [{ what: "order id", find: selectPositionsOf }],
  channelPrefix: "",
  settings: {
    cacheBytesMax: {
      variable: "CACHE_BYTES_MAX",
      fallback: String(512 * 1024 * 1024),
      rule: integerBetween(0, 64 * 1024 * 1024 * 1024),
      description: "Most memory for cached orders. 0 caches nothing.",
      unit: "bytes",
    },
  },
  isDurable: false,
  checks: [],
  createProjection: () => new OrdersProjection(),
  open: openOrders,
};

function openOrders(
  { database, intake, announce, metrics }: DomainContext,
  { cacheBytesMax }: OrdersSettings,
): DomainService<NewOrder> {
  const cache = new OrderCache(cacheBytesMax);
  const reads: ReadCounts = { hit: 0, miss: 0, absent: 0 };
  metrics.gauge("waybill_cache_entries", "Cached orders.", [], () => [{ value: cache.entries }]);
  metrics.gauge("waybill_cache_bytes", "Bytes of the cache, including bookkeeping.", [], () => [
    { value: cache.bytes },
  ]);
  metrics.gauge("waybill_cache_limit_bytes", "Limit of the cache: CACHE_BYTES_MAX.", [], () => [
    { value: cacheBytesMax },
  ]);
  metrics.counter(
    "waybill_cache_requests_total",
    "Reads by id: hit (cached), miss (read from the table) or absent (no such order).",
    ["result"],
    () => Object.entries(reads).map(([result, value]) => ({ value, labels: { result } })),
  );
  const intakeRoute = intake(INTAKE);
  return {
    routes: [
      ...ordersRoutes(database, createOrderReader(database, cache), reads),
      ...(intakeRoute ? [intakeRoute] : []),
    ],
    page: { title: "Orders", folder: new URL("ui/", import.meta.url) },
    onProjected: (added) => {
      for (const { order, document, position } of added) cache.put(order.orderUid, document, position);
      announce(
        "orders",
        added.slice(-ANNOUNCED_MAX).map(({ order, position }) => listed({ ...order, position })),
      );
    },
    onRebuilt: () => cache.clear(),
    restore: (signal) => restoreCache(database, cache, signal),
    viewOf: async (position) => {
      const orderUid = await selectOrderUid(database, position);
      return orderUid === undefined ? undefined : `/ui/orders/#order=${encodeURIComponent(orderUid)}`;
    },
  };
}

/** More would only scroll by. */
const ANNOUNCED_MAX = 20;
