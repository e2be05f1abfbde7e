/** The kit of orders. */
import { orders } from "../../../src/domains/orders/index.ts";
import { ORDER_BYTES_MAX } from "../../../src/domains/orders/schema.ts";
import type { DomainKit } from "../kit.ts";
import { ORDERS_DASHBOARD } from "./dashboard.ts";
import { OrderFactory, toPayload } from "./factory.ts";
import { ORDER_GARBAGE } from "./garbage.ts";
import { ORDER_HOSTILE } from "./hostile.ts";
import { OrdersWitness } from "./witness.ts";

export const ordersKit: DomainKit = {
  domain: orders,
  messageNoun: "order",
  intake: (payload) => ({ path: "/orders", body: payload }),
  documentBytesMax: ORDER_BYTES_MAX,
  createFactory: (seed, run) => new OrderFactory(seed, run),
  garbage: ORDER_GARBAGE,
  hostile: ORDER_HOSTILE,
  readBack: {
    noun: "orders",
    request: (orderUid) => ({ path: `/orders/${encodeURIComponent(orderUid)}` }),
    // Any content may have come first.
    compare: (document, published) =>
      published.some((payload) => payload.equals(document)) ? "complete" : "different",
  },
  createWitness: () => new OrdersWitness(),
  addresses: { orders: "/orders" },
  dashboard: ORDERS_DASHBOARD,
  pictures: {
    page: { name: "orders", path: "/" },
    letter: (factory) => {
      const order = JSON.parse(factory.valid().payload.toString());
      return {
        payload: toPayload({ ...order, sm_id: "ninety-nine" }),
        mend: (text) => text.replace('"sm_id":"ninety-nine"', '"sm_id":99'),
      };
    },
    commonPath: "/items",
  },
};
