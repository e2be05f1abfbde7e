/** The cart's calls: commands return after their decision; lists come from the tables and the product service. */
import type { Client, ServiceImpl } from "@connectrpc/connect";
import type { DomainContext } from "../../contract/domain.ts";
import { DeclinedError, KeyReusedError, NotFoundError, UpstreamError } from "../../contract/errors.ts";
import { type RpcCall, type RpcService, served } from "../../contract/rpc.ts";
import { commandIdOf, decide } from "../../contract/rpc-command.ts";
import { CartService } from "../../proto/marketplace/cart/v1/cart_pb.ts";
import type { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";
import type { Checkouts } from "./checkout/checkouts.ts";
import { type Command, isSameRequest, parseCommand } from "./commands.ts";
import { selectAppended } from "./commands-table.ts";
import { type CartDecisions, requireSuccess } from "./decisions.ts";
import { selectItems } from "./items-table.ts";
import type { Decided } from "./model.ts";
import { mapPooled } from "./pool.ts";
import type { Product } from "./products/product-cache.ts";
import type { Products } from "./products/products.ts";
import { availableOf } from "./stock.ts";
import { totalOf } from "./total.ts";

export type CartRpcsOptions = Readonly<{
  context: Pick<DomainContext, "database" | "submit">;
  decisions: CartDecisions;
  products: Pick<Products, "find">;
  loms: Pick<Client<typeof LomsService>, "stockInfo">;
  checkouts: Pick<Checkouts, "finish">;
}>;

export function cartRpcs(options: CartRpcsOptions): RpcService {
  return served(CartService, implementationOf(options));
}

export function implementationOf(options: CartRpcsOptions) {
  const { context, products, loms, checkouts } = options;

  const answer = async (call: RpcCall, command: Command): Promise<Decided> =>
    requireSuccess(await decideAsFirst(options, call, command));

  const requireProduct = async (sku: number, signal: AbortSignal): Promise<Product> => {
    const product = await products.find(sku, signal);
    if (product) return product;
    throw new DeclinedError("unknown_sku", "There is no such product", { sku: String(sku) });
  };

  return {
    itemAdd: async ({ user, sku, count }, call) => {
      const id = commandIdOf(call);
      await requireProduct(sku, call.signal);
      const available = await availableOf(loms, sku, call.signal);
      const command = { id, type: "item.add", user: String(user), sku, count } as const;
      await answer(call, { ...command, available: String(available) });
      return {};
    },

    itemDelete: async ({ user, sku }, call) => {
      await answer(call, { id: commandIdOf(call), type: "item.delete", user: String(user), sku });
      return {};
    },

    clear: async ({ user }, call) => {
      await answer(call, { id: commandIdOf(call), type: "clear", user: String(user) });
      return {};
    },

    list: async ({ user }, { signal }) => {
      const held = await selectItems(context.database, [String(user)]);
      if (held.length === 0) throw new NotFoundError("the cart is empty");
      const items = await mapPooled(held, { atOnce: PRODUCTS_AT_ONCE, signal }, async (item, signal) => {
        const { name, price } = await requireProduct(item.sku, signal);
        return { sku: item.sku, count: item.count, name, price };
      });
      return { items, totalPrice: totalOf(items) };
    },

    checkout: async ({ user }, call) => {
      const command = { id: commandIdOf(call), type: "checkout.begin", user: String(user) } as const;
      const { checkout } = await answer(call, command);
      const { order, status, reason, message } = await checkouts.finish(checkout as string, call);
      if (status !== undefined) throw new UpstreamError(status, message as string, reason);
      return { orderId: BigInt(order as string) };
    },
  } satisfies ServiceImpl<typeof CartService>;
}

/** Decides a command. A repeated call gets the first decision, although it may have read another stock. */
async function decideAsFirst(
  { context, decisions }: CartRpcsOptions,
  call: RpcCall,
  command: Command,
): Promise<Decided> {
  call.signal.throwIfAborted();
  try {
    return await decide(context, decisions, call, command.id, command);
  } catch (error) {
    if (!(error instanceof KeyReusedError)) throw error;
    const payload = await selectAppended(context.database, command.id);
    const first = payload && (parseCommand(payload) as Command);
    if (!first || !isSameRequest(first, command)) throw error;
    return decide(context, decisions, call, first.id, first);
  }
}

/** Concurrent product reads of one List. The limit of ten a second is for all carts. */
const PRODUCTS_AT_ONCE = 5;
