/** Reads the parameters of an address: each function gives a value, or throws an error that names the parameter. */
import { InvalidInputError } from "../errors.ts";
import type { Request } from "../route.ts";

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
      const others = known.length === 0 ? "this address has none" : `there are: ${known.join(", ")}`;
      throw new InvalidInputError(name, `there is no parameter ${name}; ${others}`);
    }
  }
}
