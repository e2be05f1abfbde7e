/** All domains of the project. A new domain is one line here. */
import type { AnyDomain } from "../contract/domain.ts";
import { cart } from "./cart/index.ts";
import { loms } from "./loms/index.ts";
import { notifications } from "./notifications/index.ts";
import { orders } from "./orders/index.ts";
import { product } from "./product/index.ts";
import { wallet } from "./wallet/index.ts";

export const DOMAINS: readonly AnyDomain[] = [orders, wallet, product, loms, cart, notifications];
