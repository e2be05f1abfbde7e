/** Shapes of the cart's commands. Rules that depend on the cart are in rules.ts. */
import { compiled, type } from "../../config/types.ts";
import {
  COMMAND_ID,
  COMMAND_ID_DESCRIPTION,
  CommandShapes,
  isSameCommand,
} from "../../contract/command-shapes.ts";
import type { CommandForm } from "../../contract/first-commands.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { integerText } from "../../contract/values/integer-text.ts";
import { INT64_MAX } from "../../contract/values/integers.ts";

/** Above every valid command. Not a setting, because outcomes depend on it. */
export const COMMAND_BYTES_MAX = 64 * 1024;
/** Limits of an order. Source: loms.proto. */
export const COUNT_MAX = 65_535;
export const SKUS_MAX = 1_000;
export const MESSAGE_LENGTH_MAX = 500;

const UINT64_MAX = 2n ** 64n - 1n;

const id = type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION);
/** Callers' ids contain no space, so they cannot collide. */
const endingId = type(/^[\x21-\x7e]{1,64} (done|failed)$/).describe(
  'the id of a checkout, a space, and "done" or "failed"',
);
const int64 = integerText(1n, INT64_MAX);
const sku = "1 <= number.integer <= 4294967295";

const common = { "+": "reject", id, user: int64 } as const;

export const COMMANDS = {
  "item.add": compiled({
    ...common,
    type: "'item.add'",
    sku,
    count: `1 <= number.integer <= ${COUNT_MAX}`,
    // Stock when the call arrived.
    available: integerText(0n, UINT64_MAX),
  }),
  "item.delete": compiled({ ...common, type: "'item.delete'", sku }),
  clear: compiled({ ...common, type: "'clear'" }),
  "checkout.begin": compiled({ ...common, type: "'checkout.begin'" }),
  "checkout.done": compiled({
    ...common,
    id: endingId,
    type: "'checkout.done'",
    checkout: id,
    order: int64,
  }),
  "checkout.failed": compiled({
    ...common,
    id: endingId,
    type: "'checkout.failed'",
    checkout: id,
    status: type(/^[A-Z_]{1,32}$/).describe("the name of a gRPC status"),
    "reason?": type(/^[a-z0-9_]{1,64}$/).describe("the name of a rule in snake_case"),
    message: `string <= ${MESSAGE_LENGTH_MAX}`,
    "order?": int64,
  }),
} as const;

export type CommandType = keyof typeof COMMANDS;
export type CommandOf<Name extends CommandType> = Readonly<(typeof COMMANDS)[Name]["infer"]>;
export type Command = { [Name in CommandType]: CommandOf<Name> }[CommandType];

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_TYPES: readonly CommandType[] = SHAPES.types;
export const COMMAND_PATHS = SHAPES.paths;

/** @returns the command, or a rejection. */
export const parseCommand = (payload: Buffer): Command | Rejection => SHAPES.parse(payload);

export const checkCommand = (value: unknown): Command | Rejection => SHAPES.check(value);

/** Ignores `available`: a repeated call may read another stock. */
export function isSameRequest(one: Command, other: Command): boolean {
  return isSameCommand({ ...one, available: undefined }, { ...other, available: undefined });
}

export const COMMAND_FORM: CommandForm<Command> = { parse: parseCommand, isSame: isSameRequest };
