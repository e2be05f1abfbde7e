/**
 * The orders domain, whole: how a message becomes an order, where orders are kept, how they are asked for. The
 * engine and the server are given what they need of it; it knows nothing of either.
 */

import type { Domain } from "../../contract/domain.ts";
import type { CopySource, Queryable } from "../../database/queryable.ts";
import { OrderCache } from "./cache.ts";
import type { NewOrder } from "./orders-table.ts";
import { OrdersProjection } from "./projection.ts";
import { createOrderReader, restoreCache } from "./read-order.ts";
import { listed, ordersRoutes, type ReadCounts } from "./routes.ts";

export type OrdersOptions = Readonly<{
  database: Queryable;
  cacheBytesMax: number;
  /** Told of new orders once they are readable, in the form in which lists show them. */
  onAccepted: (orders: readonly object[]) => void;
}>;

/** What others need to know of the domain without running it, such as the audit of a command. */
export const ORDERS = {
  name: "orders",
  relation: "orders",
  personalNames: ["name", "phone", "email", "address", "zip", "city"],
} as const satisfies Partial<Domain>;

export function createOrders({ database, cacheBytesMax, onAccepted }: OrdersOptions) {
  const cache = new OrderCache(cacheBytesMax);
  const reads: ReadCounts = { hit: 0, miss: 0, absent: 0 };
  const keep = (orders: readonly NewOrder[]) => {
    for (const { order, document } of orders) cache.put(order.orderUid, document);
    onAccepted(
      orders.slice(-ACCEPTED_SHOWN_MAX).map(({ order, position }) => listed({ ...order, position })),
    );
  };
  const projection = new OrdersProjection(keep);
  const domain: Domain = {
    ...ORDERS,
    project: (batch, transaction) => projection.project(batch, transaction),
  };
  return {
    domain,
    cache,
    reads,
    routes: ordersRoutes(database, createOrderReader(database, cache), reads),
    restore: (source: CopySource, signal: AbortSignal) => restoreCache(source, cache, signal),
  };
}

/** Whoever watches sees the newest; more would only pass by. */
const ACCEPTED_SHOWN_MAX = 20;
