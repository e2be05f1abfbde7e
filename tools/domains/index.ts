/** A new domain is one line here. */
import { cartKit } from "./cart/index.ts";
import type { DomainKit } from "./kit.ts";
import { lomsKit } from "./loms/index.ts";
import { notificationsKit } from "./notifications/index.ts";
import { ordersKit } from "./orders/index.ts";
import { productKit } from "./product/index.ts";
import { walletKit } from "./wallet/index.ts";

export const KITS: readonly [DomainKit, ...DomainKit[]] = [
  ordersKit,
  walletKit,
  productKit,
  lomsKit,
  cartKit,
  notificationsKit,
];
