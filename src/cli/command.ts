/**
 * The frame of all commands. A command declares its options with types, ranges and defaults; `run` parses the arguments
 * and sets the exit status: the action's result, 0 for help and version, 2 for bad usage or configuration, 1 for any other
 * error. Errors are one message without a stack.
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
export type { CommandUnknownOpts };

/** A command with the name of its script in package.json. */
export function command(name: string, description: string) {
  return new Command(`npm ${OF_NPM.includes(name) ? "" : "run "}${name} --`)
    .description(description)
    .version(project.version, "-V, --version", "show the version");
}

export const JSON_HELP = "print one JSON document";

export async function run(
  program: CommandUnknownOpts,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const name = prepare(program);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) exitWith(error, name);
    if (error.code === "commander.help") process.stderr.write(`\n${name}: a command is required\n`);
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  }
}

/** What `--help` prints for the command that `words` name below the program. */
export function helpOf(program: CommandUnknownOpts, words: readonly string[]): string {
  prepare(program);
  let text = "";
  const command = words.reduce(
    (above, word) => above.commands.find((below) => below.name() === word) ?? above,
    program,
  );
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => HELP_COLUMNS });
  command.outputHelp();
  return text;
}

/** An action of a function that returns the exit status. An InvalidInputError is bad usage. */
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

export function integer(min: number, max: number) {
  return checked((text) => parseInteger(text, min, max), wholeNumber(min, max));
}

/** Decimals are allowed. */
export function decimal(min: number, max: number) {
  return checked((text) => parseDecimal(text, min, max), `a number from ${min} to ${max}`);
}

/** A position of the inbox, or another 64-bit number of the database. */
export const position = checked(parsePosition, wholeNumber(1, POSITION_MAX));

/** The address of a service, without a slash at its end. */
export const webAddress = checked((text) => {
  const isWeb = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isWeb ? text.replace(/\/+$/, "") : undefined;
}, "an address such as http://127.0.0.1:3000");

/** The parser of an option or argument. @param parse returns undefined if the text is not `described`. */
function checked<T>(parse: (text: string) => T | undefined, described: string) {
  return (text: string): T => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`It must be ${described}.`);
    return value;
  };
}

/** Sets up help and errors of a program and of all commands below it. @returns the program's name in messages. */
function prepare(program: CommandUnknownOpts): string {
  const name = program.name().split(" ").at(-2) ?? program.name();
  prepareOne(program, name);
  return name;
}

function prepareOne(command: CommandUnknownOpts, name: string): void {
  command
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${name}: ${visibleLines(reworded(text))}`) })
    .showHelpAfterError(`Usage: ${command.createHelp().commandUsage(command)}\nSee --help.`)
    .helpOption("-h, --help", "show this help");
  for (const below of command.commands) prepareOne(below, name);
}

/** The library's message without its label, with a suggestion if a value resembles a choice. */
function reworded(text: string): string {
  const message = text.replace(/^error: /, "");
  const [, expected, given] = /^too many arguments.* Expected (\d+) .*?: (.*)\.\n$/s.exec(message) ?? [];
  if (given !== undefined) return `unexpected argument "${given.split(", ").at(Number(expected))}"\n`;
  const [, value = "", choices] = /'([^']*)' is invalid.* Allowed choices are (.*)\.\n$/s.exec(message) ?? [];
  const meant = choices && nearestName(value, choices.split(", "));
  return meant ? `${message}(Did you mean ${meant}?)\n` : message;
}

/** Scripts that npm runs without the word "run". */
const OF_NPM = ["start", "test"];

/** The library's width without a terminal. */
const HELP_COLUMNS = 80;
