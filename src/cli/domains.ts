/** The domains that a command is about, as values of its options and arguments. */
import { nearestName } from "../config/nearest.ts";
import type { AnyDomain } from "../contract/domain.ts";
import { DOMAINS } from "../domains/index.ts";
import { InvalidArgumentError } from "./command.ts";

/** One domain of this version. */
export function domain(text: string): AnyDomain {
  const named = DOMAINS.find(({ name }) => name === text);
  if (named) return named;
  const meant = nearestName(
    text,
    DOMAINS.map(({ name }) => name),
  );
  const suggestion = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  throw new InvalidArgumentError(`It must be one of ${DOMAIN_NAMES}.${suggestion}`);
}

/** The name of one domain of this version. */
export function domainName(text: string): string {
  return domain(text).name;
}

/** One or several: separated by commas, or by the option given again. */
export function domains(
  text: string,
  before: readonly AnyDomain[] | undefined,
): readonly AnyDomain[] | undefined {
  return [...new Set([...(before ?? []), ...text.split(",").map((name) => domain(name.trim()))])];
}

/** For help. */
export const DOMAIN_NAMES = DOMAINS.map(({ name }) => name).join(", ");
