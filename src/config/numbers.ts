/**
 * Parses every number that arrives as text; contract/values/integers.ts builds on it. A whole number has decimal digits
 * only: no sign, blank, point or exponent, so no value is rounded before its range is checked.
 */

/** @returns undefined if the text is not a whole number from `min` to `max`. @param max at most 2^53-1. */
export function parseInteger(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The same for unsigned 64 bits. */
export function parseBigInteger(text: string, min: bigint, max: bigint): bigint | undefined {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** Decimals are allowed, a sign or an exponent is not. @returns undefined if the text is not such a number in the range. */
export function parseDecimal(text: string, min: number, max: number): number | undefined {
  const value = /^(\d{1,15}(\.\d{1,15})?|\.\d{1,15})$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** For error messages. */
export function wholeNumber(min: number | bigint, max: number | bigint): string {
  return `a whole number from ${min} to ${max}`;
}
