/** Every domain there is, as others need to know of it without running it: a new domain is one line here. */
import { ORDERS } from "./orders/index.ts";

export const DOMAINS = { orders: ORDERS } as const;

/** What is masked for operators, whichever domain a message is of. */
export const PERSONAL_NAMES: readonly string[] = [
  ...new Set(Object.values(DOMAINS).flatMap(({ personalNames }) => personalNames)),
];
