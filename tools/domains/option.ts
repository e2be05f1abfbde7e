/** The option `--domain`. */
import { InvalidArgumentError, Option } from "../../src/cli/command.ts";
import { domain, withDomainChoices } from "../../src/cli/domains.ts";
import { KITS } from "./index.ts";
import type { DomainKit } from "./kit.ts";

export function domainOption() {
  const [first] = KITS;
  const option = new Option("--domain <name>", "domain of the messages").argParser(kitNamed);
  return withDomainChoices(option.default(first, first.domain.name));
}

function kitNamed(text: string): DomainKit {
  const { name } = domain(text);
  const kit = KITS.find((candidate) => candidate.domain.name === name);
  if (!kit) throw new InvalidArgumentError("This domain has no kit under tools/domains/.");
  return kit;
}
