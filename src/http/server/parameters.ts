/** Reads what stands in an address: each function gives a value, or an error that names the parameter. */
import { InvalidInputError } from "../../contract/errors.ts";
import type { Request } from "../../contract/route.ts";

/** @throws InvalidInputError */
export function readPosition(text: string | undefined, name = "position"): bigint {
  const position = text !== undefined && /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (position < 1n || position >= 2n ** 63n) {
    throw new InvalidInputError(name, `${name} must be a whole number from 1 up`);
  }
  return position;
}

/** @throws InvalidInputError */
export function readNumber(
  text: string | undefined,
  name: string,
  { least, most, fallback }: Readonly<{ least: number; most: number; fallback: number }>,
): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new InvalidInputError(name, `${name} must be a whole number from ${least} to ${most}`);
}

/** `true` or `false`; not given is false. @throws InvalidInputError */
export function readFlag(text: string | undefined, name: string): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw new InvalidInputError(name, `${name} must be true or false`);
}

/** @throws InvalidInputError for a parameter that the route does not know: a slip of the pen must not mean "all". */
export function checkNames(query: Request["query"], known: readonly string[]): void {
  for (const name in query) {
    if (!known.includes(name)) {
      throw new InvalidInputError(name, `there is no parameter ${name}; there are: ${known.join(", ")}`);
    }
  }
}
