/** Initial stocks, as commands, so that a rebuild has them at the same positions. */
import type { NewMessage } from "../../contract/message.ts";

/** The last one has more reservations than pieces: none is available. */
const STOCKS: readonly (readonly [sku: number, total: number, reserved: number])[] = [
  [773297411, 150, 10],
  [1002, 200, 20],
  [1003, 250, 30],
  [1004, 300, 40],
  [1005, 350, 50],
  [1076963, 200, 20],
  [1148162, 250, 30],
  [139819069, 100, 100],
  [139818428, 100, 101],
];

export const FIRST_STOCKS: readonly NewMessage[] = STOCKS.map(([sku, total, reserved]) => {
  const id = `stock-${sku}`;
  const command = { id, type: "stock.put", sku, total, reserved };
  return { messageId: id, payload: Buffer.from(JSON.stringify(command)) };
});
