/**
 * The one reader of numbers that arrive as text: settings here, addresses and commands by way of
 * contract/values/integers.ts. Only decimal digits are a whole number, without a sign, a blank, a point or an exponent, so
 * no value is rounded before it is compared with its range.
 */

/** @returns undefined if the text is not a whole number from `min` to `max`. @param max at most 2^53-1. */
export function parseInteger(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The same for 64 bits, without a sign. @returns undefined if the text is not a whole number from `min` to `max`. */
export function parseBigInteger(text: string, min: bigint, max: bigint): bigint | undefined {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** A number with or without decimals, without a sign or an exponent. @returns undefined if it is out of the range. */
export function parseDecimal(text: string, min: number, max: number): number | undefined {
  const value = /^(\d{1,15}(\.\d{1,15})?|\.\d{1,15})$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The range as an error message states it. */
export function wholeNumber(min: number | bigint, max: number | bigint): string {
  return `a whole number from ${min} to ${max}`;
}
