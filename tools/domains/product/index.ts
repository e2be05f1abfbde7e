/** The kit of product. */
import { COMMAND_BYTES_MAX } from "../../../src/domains/product/commands.ts";
import { product } from "../../../src/domains/product/index.ts";
import type { DomainKit } from "../kit.ts";
import { ProductFactory } from "./factory.ts";
import { PRODUCT_GARBAGE, PRODUCT_HOSTILE } from "./garbage.ts";
import { ProductWitness } from "./witness.ts";

export const productKit: DomainKit = {
  domain: product,
  messageNoun: "product command",
  intake: (payload) => ({ path: "/product/commands", body: payload }),
  // Reading back exceeds the default limit.
  environment: { PRODUCT_CALLS_PER_SECOND: "1000000" },
  documentBytesMax: COMMAND_BYTES_MAX,
  createFactory: (seed, run) => new ProductFactory(seed, run),
  garbage: PRODUCT_GARBAGE,
  hostile: PRODUCT_HOSTILE,
  readBack: {
    noun: "products",
    request: (sku) => ({ path: `/product/${sku}` }),
    // Any content may have come first.
    compare: (answer, published) => {
      const { name, price } = JSON.parse(answer.toString());
      const isPublished = published.some((payload) => {
        const command = JSON.parse(payload.toString());
        return command.name === name && command.price === price;
      });
      return isPublished ? "complete" : "different";
    },
  },
  createWitness: () => new ProductWitness(),
  addresses: { products: "/product?count=100" },
  pictures: {
    page: { name: "product", path: "/docs" },
    letter: (factory) => ({
      payload: Buffer.from(factory.valid().payload.toString().replace('"price":', '"price":-')),
      mend: (text) => text.replace(/"price": ?-/, '"price":'),
    }),
    commonPath: "/price",
  },
};
