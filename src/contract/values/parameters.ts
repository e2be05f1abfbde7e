/** Parses query parameters. */
import { InvalidInputError } from "../errors.ts";
import type { Request } from "../route.ts";

/** False by default. @throws InvalidInputError */
export function readFlag(text: string | undefined, name: string): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw new InvalidInputError(name, `${name} must be true or false`);
}

/**
 * One domain, or all of them without a filter.
 * @throws InvalidInputError that names the domains: a misspelt one must not look as if it had nothing.
 */
export function chosenDomains(domain: string | undefined, known: readonly string[]): readonly string[] {
  if (domain === undefined) return known;
  if (known.includes(domain)) return [domain];
  throw new InvalidInputError("domain", `unknown domain ${domain}; known domains: ${known.join(", ")}`);
}

/** @throws InvalidInputError for an unknown parameter: a misspelt filter must not mean "all". */
export function checkNames(query: Request["query"], known: readonly string[]): void {
  for (const name in query) {
    if (!known.includes(name)) {
      const others = known.length === 0 ? "this address has none" : `there are: ${known.join(", ")}`;
      throw new InvalidInputError(name, `there is no parameter ${name}; ${others}`);
    }
  }
}
