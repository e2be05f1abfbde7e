/**
 * What all commands of this project have in common. A command declares its options once, with their types, ranges and
 * defaults; `run` parses the arguments and ends with a status: what the action returns, 0 for help and version, 2 with
 * one message and without a stack for bad usage or configuration, 1 for everything else that goes wrong.
 */
import {
  Command,
  CommanderError,
  type CommandUnknownOpts,
  InvalidArgumentError,
} from "@commander-js/extra-typings";
import project from "../../package.json" with { type: "json" };
import { nearestName } from "../config/nearest.ts";
import { InvalidInputError } from "../contract/errors.ts";
import {
  POSITION_MAX,
  parseDecimal,
  parseInteger,
  parsePosition,
  wholeNumber,
} from "../contract/values/integers.ts";
import { visibleLines } from "./print.ts";
import { exitWith } from "./process.ts";

export { Argument, Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";

/** A command that is started by a script of package.json, whose name it bears. */
export function command(name: string, description: string) {
  return new Command(`npm ${OF_NPM.includes(name) ? "" : "run "}${name} --`)
    .description(description)
    .version(project.version, "-V, --version", "show the version");
}

/** What `--json` means for each command that has it. */
export const JSON_HELP = "print one JSON document";

/**
 * Parses the arguments, runs the action and sets the status of the process.
 * @param args those of the process by default.
 */
export async function run(
  program: CommandUnknownOpts,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const name = program.name().split(" ").at(-2) ?? program.name();
  prepare(program, name);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) exitWith(error, name);
    if (error.code === "commander.help") process.stderr.write(`\n${name}: a command is required\n`);
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

/** Makes an action of a function that returns the status. An InvalidInputError that it throws is bad usage. */
export function exits<Args extends unknown[]>(action: (...args: Args) => number | Promise<number>) {
  return async (...args: Args): Promise<void> => {
    try {
      process.exitCode = await action(...args);
    } catch (error) {
      const invoked = args.at(-1);
      if (!(error instanceof InvalidInputError && invoked instanceof Command)) throw error;
      invoked.error(`error: ${error.message}`);
    }
  };
}

/** The value of an option: a whole number of the range. */
export function integer(min: number, max: number) {
  return checked((text) => parseInteger(text, min, max), wholeNumber(min, max));
}

/** The value of an option: a number of the range, with or without decimals. */
export function decimal(min: number, max: number) {
  return checked((text) => parseDecimal(text, min, max), `a number from ${min} to ${max}`);
}

/** The value of an option or an argument: a position of the inbox, or another number of the database. */
export const position = checked(parsePosition, wholeNumber(1, POSITION_MAX));

/** The value of an option: the address of a service, without a slash at its end. */
export const webAddress = checked((text) => {
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isWeb ? text.replace(/\/+$/, "") : undefined;
}, "an address such as http://127.0.0.1:3000");

/** @param parse gives undefined for a text that is not `described`. */
function checked<T>(parse: (text: string) => T | undefined, described: string) {
  return (text: string): T => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`It must be ${described}.`);
    return value;
  };
}

/** Help and errors of a command and of all below it. */
function prepare(command: CommandUnknownOpts, name: string): void {
  command
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${name}: ${visibleLines(reworded(text))}`) })
    .showHelpAfterError(`Usage: ${command.createHelp().commandUsage(command)}\n--help explains it.`)
    .helpOption("-h, --help", "show this help");
  for (const below of command.commands) prepare(below, name);
}

/** The library's message: without its label, and with a suggestion if a value resembles a choice. */
function reworded(text: string): string {
  const message = text.replace(/^error: /, "");
  const [, expected, given] = /^too many arguments.* Expected (\d+) .*?: (.*)\.\n$/s.exec(message) ?? [];
  if (given !== undefined) return `unexpected argument "${given.split(", ").at(Number(expected))}"\n`;
  const [, value = "", choices] = /'([^']*)' is invalid.* Allowed choices are (.*)\.\n$/s.exec(message) ?? [];
  const meant = choices && nearestName(value, choices.split(", "));
  return meant ? `${message}(Did you mean ${meant}?)\n` : message;
}

/** The scripts that npm runs without the word "run". */
const OF_NPM = ["start", "test"];
