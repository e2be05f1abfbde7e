/** Opens the cart's calls, shop page, clients, product cache and background work. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";
import { NotificationsService } from "../../proto/marketplace/notifications/v1/notifications_pb.ts";
import { ProductService } from "../../proto/marketplace/product/v1/product_pb.ts";
import { Checkouts } from "./checkout/checkouts.ts";
import { resumeCheckouts } from "./checkout/resume.ts";
import { cartDecisions } from "./decisions.ts";
import { createMetrics } from "./metrics.ts";
import type { Decided } from "./model.ts";
import { ProductCache } from "./products/product-cache.ts";
import { Products } from "./products/products.ts";
import { commandRoutes } from "./routes.ts";
import { cartRpcs } from "./rpcs.ts";
import type { CartSettings } from "./settings.ts";
import { shopRpcs } from "./shop.ts";

export async function openCart(
  context: DomainContext,
  settings: CartSettings,
): Promise<DomainService<Decided>> {
  const { productUrl, lomsUrl, notificationsUrl, token, redisUrls, resumeSeconds } = settings;
  const metrics = createMetrics(context);
  const decisions = cartDecisions(context);
  const loms = await context.openRpcClient(LomsService, { url: lomsUrl, token });
  const notifications =
    notificationsUrl === undefined
      ? undefined
      : await context.openRpcClient(NotificationsService, { url: notificationsUrl, token });
  const cache = new ProductCache(redisUrls, metrics.cacheRead);
  const client = await context.openRpcClient(ProductService, {
    url: productUrl,
    token,
    limit: PRODUCT_LIMIT,
  });
  const products = new Products({ client, cache });
  const checkouts = new Checkouts({ context, decisions, loms });
  return {
    routes: commandRoutes(context),
    // Calls store commands through the `http` source.
    ...(context.isTakingHttp
      ? {
          rpcs: [
            cartRpcs({ context, decisions, products, loms, checkouts }),
            shopRpcs({ catalogue: client, products, loms, notifications }),
          ],
          page: { title: "Shop", folder: new URL("ui/", import.meta.url) },
        }
      : {}),
    onProjected: (added) => {
      for (const decided of added) decisions.made(decided.position, () => decided);
      metrics.projected(added);
    },
    work: async (signal) => {
      await cache.connect();
      await resumeCheckouts({ context, checkouts, resumeSeconds, onResumed: metrics.resumed }, signal);
    },
    close: () => cache.close(),
  };
}

/** Agreed with the product service, for all carts together. */
const PRODUCT_LIMIT = { name: "product", perSecond: 10 } as const;
