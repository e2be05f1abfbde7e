/** What commands have to say of their arguments. */
import { InvalidInputError } from "../contract/errors.ts";

/** @throws InvalidInputError where there is one that the command does not take. */
export function noMore(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new InvalidInputError("arguments", `"${positionals[0]}" is too much`);
}
