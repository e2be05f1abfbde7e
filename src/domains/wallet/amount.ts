/**
 * Decimal text in major units outside, `bigint` minor units inside, never a JavaScript number. The decimals are the
 * currency's exponent (ISO 4217).
 */

/** Positive, without sign, exponent or leading zeros. The currency limits the decimals later. */
export const AMOUNT = /^(?=.{1,64}$)(?=.*[1-9])(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** The columns are `numeric(38,0)`. */
export const MINOR_MAX = 10n ** 38n - 1n;

/** @param text matches AMOUNT. @returns undefined if the currency has fewer decimals. */
export function minorUnits(text: string, exponent: number): bigint | undefined {
  const [whole = "", decimals = ""] = text.split(".");
  if (decimals.length > exponent) return undefined;
  return BigInt(whole + decimals.padEnd(exponent, "0"));
}

/** With all decimals of the currency, such as `100.50`. */
export function majorUnits(minor: bigint, exponent: number): string {
  const sign = minor < 0n ? "-" : "";
  const digits = String(minor < 0n ? -minor : minor).padStart(exponent + 1, "0");
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}
