/** First products of every inbox: ordinary commands, so a rebuild projects them again. */
import type { NewMessage } from "../../contract/message.ts";
import PRODUCTS from "./catalogue.json" with { type: "json" };

export const CATALOGUE: readonly NewMessage[] = PRODUCTS.map((product) => {
  const id = `product-${product.sku}`;
  return { messageId: id, payload: Buffer.from(JSON.stringify({ id, type: "product.put", ...product })) };
});
