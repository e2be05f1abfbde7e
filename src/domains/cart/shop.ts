/**
 * The shop page's calls beyond the cart. The browser calls cart only, and cart calls the other services with the
 * caller's token, so no service has to accept pages of another origin. Their refusals are passed on.
 */
import type { Client } from "@connectrpc/connect";
import { DeclinedError } from "../../contract/errors.ts";
import { type RpcService, served } from "../../contract/rpc.ts";
import { commandIdOf } from "../../contract/rpc-command.ts";
import { ShopService } from "../../proto/marketplace/cart/v1/shop_pb.ts";
import type { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";
import type { NotificationsService } from "../../proto/marketplace/notifications/v1/notifications_pb.ts";
import type { ProductService } from "../../proto/marketplace/product/v1/product_pb.ts";
import { mapPooled } from "./pool.ts";
import type { Products } from "./products/products.ts";
import { availableOf } from "./stock.ts";

export type ShopRpcsOptions = Readonly<{
  catalogue: Pick<Client<typeof ProductService>, "listSkus">;
  products: Pick<Products, "find">;
  loms: Client<typeof LomsService>;
  /** Undefined without an address. */
  notifications: Client<typeof NotificationsService> | undefined;
}>;

export function shopRpcs({ catalogue, products, loms, notifications }: ShopRpcsOptions): RpcService {
  return served(ShopService, {
    listProducts: async ({ startAfterSku, count }, { signal }) => {
      const size = count || PAGE_SIZE;
      const { skus } = await catalogue.listSkus({ startAfterSku, count: size }, { signal });
      const page = await mapPooled(skus, { atOnce: PRODUCTS_AT_ONCE, signal }, async (sku, signal) => {
        const [product, available] = await Promise.all([
          products.find(sku, signal),
          availableOf(loms, sku, signal),
        ]);
        return product && { sku, ...product, available };
      });
      return {
        products: page.filter((product) => product !== undefined),
        nextStartAfterSku: skus.length < size ? 0 : (skus.at(-1) ?? 0),
      };
    },

    getOrder: async ({ orderId }, { signal }) => {
      const [{ status, user, items }, { changes }] = await Promise.all([
        loms.orderInfo({ orderId }, { signal }),
        loms.orderHistory({ orderId }, { signal }),
      ]);
      return {
        status,
        user,
        items: items.map(({ sku, count }) => ({ sku, count })),
        changes: changes.map(({ sequence, status, moment }) => ({ sequence, status, moment })),
      };
    },

    payOrder: async ({ orderId }, call) => {
      const headers = { "idempotency-key": commandIdOf(call) };
      await loms.orderPay({ orderId }, { headers, signal: call.signal });
      return {};
    },

    cancelOrder: async ({ orderId }, call) => {
      const headers = { "idempotency-key": commandIdOf(call) };
      await loms.orderCancel({ orderId }, { headers, signal: call.signal });
      return {};
    },

    listNotifications: async ({ user, from, pageToken }, { signal }) => {
      if (!notifications)
        throw new DeclinedError("no_notifications", "The shop has no notifications service");
      const { messages, nextPageToken } = await notifications.list(
        { user, pageToken, pageSize: NOTIFICATIONS_PAGE_SIZE, ...(from ? { from } : {}) },
        { signal },
      );
      return {
        notifications: messages.map(({ orderId, status, sequence, moment }) => ({
          orderId,
          status,
          sequence,
          ...(moment ? { moment } : {}),
        })),
        nextPageToken,
      };
    },
  });
}

/** About a second of the product limit if nothing is cached. */
const PAGE_SIZE = 12;
/** As in Cart.List. */
const PRODUCTS_AT_ONCE = 5;
/** The maximum of notifications. */
const NOTIFICATIONS_PAGE_SIZE = 1_000;
