/** Domains as values of options and arguments. */
import { nearestName } from "../config/nearest.ts";
import type { AnyDomain } from "../contract/domain.ts";
import { DOMAINS } from "../domains/index.ts";
import { Argument, InvalidArgumentError, Option } from "./command.ts";

export const domainArgument = (description: string) =>
  withDomainChoices(new Argument("<domain>", description).argParser(domain));

/** Its value is a name. */
export const domainOption = (description: string) =>
  withDomainChoices(
    new Option("--domain <name>", description).argParser((text: string) => domain(text).name),
  );

/** Names are separated by commas, or the option is repeated. */
export const domainsOption = (description: string) =>
  withDomainChoices(
    new Option("--domain <names>", description).argParser((text: string, before?: readonly AnyDomain[]) => [
      ...new Set([...(before ?? []), ...text.split(",").map((name) => domain(name.trim()))]),
    ]),
  );

/** @throws InvalidArgumentError with the nearest name. */
export function domain(text: string): AnyDomain {
  const named = DOMAINS.find(({ name }) => name === text);
  if (named) return named;
  const meant = nearestName(text, NAMES);
  const suggestion = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  throw new InvalidArgumentError(`It must be one of ${NAMES.join(", ")}.${suggestion}`);
}

/** Help and completion show the choices; the parser checks them. */
export function withDomainChoices<Named extends { argChoices?: string[] }>(named: Named): Named {
  named.argChoices = [...NAMES];
  return named;
}

const NAMES = DOMAINS.map(({ name }) => name);
