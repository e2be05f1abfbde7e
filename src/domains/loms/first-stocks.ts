/** The stocks that loms begins with. They are commands, so a rebuild knows them from the same position on. */
import type { NewMessage } from "../../contract/message.ts";

/** Of the last one more is reserved than there is: nothing of it can be ordered. */
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
