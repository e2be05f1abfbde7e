/** The commands of domains. Each reads only the settings of its domain. */
import { loadSettings } from "../config/config.ts";
import { type } from "../config/types.ts";
import type { AnyDomain, CommandValue, DomainCommand } from "../contract/domain.ts";
import { DOMAINS } from "../domains/index.ts";
import { Argument, Command, exits, InvalidArgumentError, Option } from "./command.ts";
import { print } from "./print.ts";

export function domainCommands(domains: readonly AnyDomain[] = DOMAINS): Command[] {
  return domains.flatMap((domain) => (domain.commands ?? []).map((given) => commandOf(domain, given)));
}

function commandOf(domain: AnyDomain, given: DomainCommand): Command {
  const names = given.arguments.map(({ name }) => name);
  const command = new Command(given.name).description(given.description);
  for (const value of given.arguments) {
    command.addArgument(new Argument(`<${value.name}>`, value.description).argParser(parserOf(value)));
  }
  for (const value of given.options) {
    const option = new Option(`--${value.name} <value>`, value.description).argParser(parserOf(value));
    command.addOption(option.default(value.rule(value.fallback), value.fallback));
  }
  return command.action(
    exits(async (...args: unknown[]) => {
      const values = Object.fromEntries(names.map((name, index) => [name, args[index]]));
      print(await given.run({ ...values, ...Object(args[names.length]) }, loadSettings(domain)));
      return 0;
    }),
  ) as Command;
}

function parserOf({ rule }: CommandValue) {
  return (text: string): unknown => {
    const value = rule(text);
    if (value instanceof type.errors) throw new InvalidArgumentError(`It must be ${value[0]?.expected}.`);
    return value;
  };
}
