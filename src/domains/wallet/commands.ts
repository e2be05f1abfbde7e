/** Shapes of the commands. Rules that need state are in rules.ts. */
import { compiled, type } from "../../config/types.ts";
import { COMMAND_ID, COMMAND_ID_DESCRIPTION, CommandShapes } from "../../contract/command-shapes.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { AMOUNT } from "./amount.ts";

/** Counterpart of deposits and withdrawals, and owner of commands without a user. Not a valid user name. */
export const SYSTEM_OWNER = "external";

/** No setting: it decides outcomes. */
export const COMMAND_BYTES_MAX = 64 * 1024;

/** A year. */
export const HOLD_SECONDS_MAX = 366 * 24 * 3600;

const id = type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION);
/** The subject of a token. */
export const ownerName = type(/^(?!external$|\.{1,2}$)[\x21-\x7e]{1,64}$/).describe(
  `1 to 64 printable ASCII characters without spaces, and not "${SYSTEM_OWNER}", "." or ".."`,
);
const currency = type(/^[A-Z]{3}$/).describe("three upper-case letters (ISO 4217)");
const amount = type(AMOUNT).describe('a positive decimal in a string, such as "100.50"');

const common = { "+": "reject", id, owner: ownerName } as const;

export const COMMANDS = {
  deposit: compiled({ ...common, type: "'deposit'", currency, amount }),
  withdraw: compiled({ ...common, type: "'withdraw'", currency, amount }),
  transfer: compiled({ ...common, type: "'transfer'", to: ownerName, currency, amount }),
  hold: compiled({
    ...common,
    type: "'hold'",
    currency,
    amount,
    expires_in_seconds: type(`1 <= number.integer <= ${HOLD_SECONDS_MAX}`),
  }),
  capture: compiled({ ...common, type: "'capture'", hold: id, "amount?": amount }),
  release: compiled({ ...common, type: "'release'", hold: id }),
  // `from` is the sender: the receiver reverses, and ids are unique per owner only.
  reverse: compiled({ ...common, type: "'reverse'", transaction: id, "from?": ownerName, "amount?": amount }),
  "currency.put": compiled({
    "+": "reject",
    id,
    type: "'currency.put'",
    code: currency,
    numeric_code: "1 <= number.integer <= 999",
    exponent: "0 <= number.integer <= 8",
    enabled: "boolean",
  }),
  tick: compiled({ "+": "reject", id, type: "'tick'" }),
} as const;

export type CommandType = keyof typeof COMMANDS;
export type CommandOf<Name extends CommandType> = Readonly<(typeof COMMANDS)[Name]["infer"]>;
export type Command = { [Name in CommandType]: CommandOf<Name> }[CommandType];

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_TYPES: readonly CommandType[] = SHAPES.types;
export const COMMAND_PATHS = SHAPES.paths;

export function ownerOf(command: Command): string {
  return "owner" in command ? command.owner : SYSTEM_OWNER;
}

export const parseCommand = (payload: Buffer): Command | Rejection => SHAPES.parse(payload);

export const checkCommand = (value: unknown): Command | Rejection => SHAPES.check(value);
