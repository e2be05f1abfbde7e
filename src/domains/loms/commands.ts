/** What can be asked of loms. Whatever needs an order or a stock to be judged is a matter of rules.ts. */
import { type } from "arktype";
import {
  COMMAND_ID,
  COMMAND_ID_DESCRIPTION,
  CommandShapes,
  isRejection,
} from "../../contract/command-shapes.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { integerText } from "../../contract/values/integer-text.ts";
import { INT64_MAX } from "../../contract/values/integers.ts";

/** No command needs more: the largest order has a thousand items. It decides an outcome, so it is no setting. */
export const COMMAND_BYTES_MAX = 256 * 1024;

/** Of a stock: more pieces than any warehouse has, and few enough that sums of them are exact numbers. */
export const PIECES_MAX = 10 ** 12;

const id = type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION);
const int64 = integerText(1n, INT64_MAX);
const sku = type("1 <= number.integer <= 4294967295");
const pieces = type(`0 <= number.integer <= ${PIECES_MAX}`);
const item = type({ "+": "reject", sku, count: "1 <= number.integer <= 65535" });

const common = { "+": "reject", id } as const;

/** The shape of each type of command. */
export const COMMANDS = {
  "order.create": type({
    ...common,
    type: "'order.create'",
    user: int64,
    items: item.array().atLeastLength(1).atMostLength(1_000),
  }),
  "order.pay": type({ ...common, type: "'order.pay'", order: int64 }),
  "order.cancel": type({ ...common, type: "'order.cancel'", order: int64 }),
  // What operators know of a stock: how many pieces there are, and how many are reserved by others than orders.
  "stock.put": type({ ...common, type: "'stock.put'", sku, total: pieces, reserved: pieces }),
  tick: type({ ...common, type: "'tick'" }),
} as const;

export type CommandType = keyof typeof COMMANDS;
export type CommandOf<Name extends CommandType> = Readonly<(typeof COMMANDS)[Name]["infer"]>;
export type Command = { [Name in CommandType]: CommandOf<Name> }[CommandType];

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_TYPES: readonly CommandType[] = SHAPES.types;
export const COMMAND_PATHS = SHAPES.paths;

/** Validates a payload. @returns the command, or why it is none. */
export const parseCommand = (payload: Buffer): Command | Rejection => ordered(SHAPES.parse(payload));

/** Validates a document. */
export const checkCommand = (value: unknown): Command | Rejection => ordered(SHAPES.check(value));

/**
 * The name under which a command is decided once. Ticks have names that no id can be, because an id has no spaces: a
 * caller cannot take the id of a tick beforehand.
 */
export function nameOf({ type: name, id: commandId }: Pick<Command, "type" | "id">): string {
  return name === "tick" ? `tick ${commandId}` : commandId;
}

/** Two commands whose items have their members in another sequence are the same command. */
function ordered(command: Command | Rejection): Command | Rejection {
  if (isRejection(command) || command.type !== "order.create") return command;
  return { ...command, items: command.items.map(({ sku: ofItem, count }) => ({ sku: ofItem, count })) };
}
