/** The currencies that every wallet begins with. They are commands, so a rebuild knows them from the same position on. */
import type { NewMessage } from "../../contract/message.ts";

/** Code, numeric code and decimals. Source: ISO 4217, list one; CLDR counts the decimals of some currencies otherwise. */
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
