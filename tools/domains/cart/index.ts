/** The kit of cart. */
import { COMMAND_BYTES_MAX, isSameRequest } from "../../../src/domains/cart/commands.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import type { DomainKit } from "../kit.ts";
import { CART_DASHBOARD } from "./dashboard.ts";
import { CartFactory } from "./factory.ts";
import { CART_GARBAGE, CART_HOSTILE } from "./garbage.ts";
import { CartWitness } from "./witness.ts";

export const cartKit: DomainKit = {
  domain: cart,
  messageNoun: "cart command",
  intake: (payload) => ({ path: "/cart/commands", body: payload }),
  // Closed ports: commands that arrive as messages call no other service.
  environment: { CART_PRODUCT_URL: "http://127.0.0.1:9", CART_LOMS_URL: "http://127.0.0.1:9" },
  documentBytesMax: COMMAND_BYTES_MAX,
  createFactory: (seed, run) => new CartFactory(seed, run),
  garbage: CART_GARBAGE,
  hostile: CART_HOSTILE,
  readBack: {
    noun: "commands",
    request: (id) => ({ path: `/cart/commands/${encodeURIComponent(id)}` }),
    // Any content may have come first.
    compare: (answer, published) => {
      const { command } = JSON.parse(answer.toString());
      const isPublished = published.some((payload) => isSameRequest(command, JSON.parse(payload.toString())));
      return isPublished ? "complete" : "different";
    },
  },
  createWitness: () => new CartWitness(),
  addresses: { cart: "/docs" },
  dashboard: CART_DASHBOARD,
  pictures: {
    page: { name: "cart", path: "/docs" },
    letter: (factory) => ({
      payload: Buffer.from(factory.valid().payload.toString().replace(/^{/, '{"coupon":"SPRING",')),
      mend: (text) => text.replace(/"coupon": ?"SPRING",\s*/, ""),
    }),
    commonPath: "/user",
  },
};
