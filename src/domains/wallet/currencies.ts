/** First currencies of every wallet: ordinary commands, so a rebuild projects them again. */
import type { NewMessage } from "../../contract/message.ts";

/** Source: ISO 4217, list one. CLDR differs in decimals. */
const CURRENCIES: readonly (readonly [code: string, numericCode: number, exponent: number])[] = [
  ["RUB", 643, 2],
  ["USD", 840, 2],
  ["EUR", 978, 2],
  ["JPY", 392, 0],
  ["KWD", 414, 3],
];

export const FIRST_CURRENCIES: readonly NewMessage[] = CURRENCIES.map(([code, numericCode, exponent]) => {
  const id = `currency-${code}`;
  const command = { id, type: "currency.put", code, numeric_code: numericCode, exponent, enabled: true };
  return { messageId: id, payload: Buffer.from(JSON.stringify(command)) };
});
