/** What can be asked of the cart. Whatever needs the cart to be judged is a matter of rules.ts. */
import { type } from "arktype";
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

/** No command needs more. It decides an outcome, so it is no setting. */
export const COMMAND_BYTES_MAX = 64 * 1024;
/** No order takes more of one SKU, or more SKUs. Source: loms.proto. */
export const COUNT_MAX = 65_535;
export const SKUS_MAX = 1_000;
export const MESSAGE_LENGTH_MAX = 500;

const UINT64_MAX = 2n ** 64n - 1n;

const id = type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION);
/** No caller can send such an id: theirs have no space. */
const endingId = type(/^[\x21-\x7e]{1,64} (done|failed)$/).describe(
  'the id of a checkout, a space, and "done" or "failed"',
);
const int64 = integerText(1n, INT64_MAX);
const sku = "1 <= number.integer <= 4294967295";

const common = { "+": "reject", id, user: int64 } as const;

/** The shape of each type of command. */
export const COMMANDS = {
  "item.add": type({
    ...common,
    type: "'item.add'",
    sku,
    count: `1 <= number.integer <= ${COUNT_MAX}`,
    // What could still be ordered when the caller asked.
    available: integerText(0n, UINT64_MAX),
  }),
  "item.delete": type({ ...common, type: "'item.delete'", sku }),
  clear: type({ ...common, type: "'clear'" }),
  "checkout.begin": type({ ...common, type: "'checkout.begin'" }),
  "checkout.done": type({
    ...common,
    id: endingId,
    type: "'checkout.done'",
    checkout: id,
    order: int64,
  }),
  "checkout.failed": type({
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

/** Validates a payload. @returns the command, or why it is none. */
export const parseCommand = (payload: Buffer): Command | Rejection => SHAPES.parse(payload);

/** Validates a document. */
export const checkCommand = (value: unknown): Command | Rejection => SHAPES.check(value);

/**
 * Whether two commands ask for the same. The stock is what was seen on the way, not what was asked for: a caller who asks
 * again under the same key may meet another stock.
 */
export function isSameRequest(one: Command, other: Command): boolean {
  return isSameCommand({ ...one, available: undefined }, { ...other, available: undefined });
}

export const COMMAND_FORM: CommandForm<Command> = { parse: parseCommand, isSame: isSameRequest };
