/** Parses numbers that a caller sent as text. */
import { parseBigInteger, parseDecimal, parseInteger, wholeNumber } from "../../config/numbers.ts";
import { InvalidInputError } from "../errors.ts";

export { parseDecimal, parseInteger, wholeNumber } from "../../config/numbers.ts";

/** @throws InvalidInputError with the range. */
export function readInteger(text: string, name: string, min: number, max: number): number {
  const value = parseInteger(text, min, max);
  if (value === undefined) throw new InvalidInputError(name, `${name} must be ${wholeNumber(min, max)}`);
  return value;
}

/** @throws InvalidInputError with the range. */
export function readDecimal(text: string, name: string, min: number, max: number): number {
  const value = parseDecimal(text, min, max);
  if (value === undefined)
    throw new InvalidInputError(name, `${name} must be a number from ${min} to ${max}`);
  return value;
}

/** @throws InvalidInputError with the range. */
export function readPosition(text: string | undefined, name = "position", min = 1n): bigint {
  const value = parsePosition(text ?? "", min);
  if (value !== undefined) return value;
  throw new InvalidInputError(name, `${name} must be ${wholeNumber(min, POSITION_MAX)}`);
}

/** @returns undefined if the text is not a position. */
export function parsePosition(text: string, min = 1n): bigint | undefined {
  return parseBigInteger(text, min, POSITION_MAX);
}

export const INT64_MAX = 2n ** 63n - 1n;
/** PostgreSQL's largest bigint. */
export const POSITION_MAX = INT64_MAX;
