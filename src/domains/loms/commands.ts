/** The shapes of commands. Conditions on orders and stocks are in rules.ts. */
import { compiled, type } from "../../config/types.ts";
import {
  COMMAND_ID,
  COMMAND_ID_DESCRIPTION,
  CommandShapes,
  isRejection,
} from "../../contract/command-shapes.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { integerText } from "../../contract/values/integer-text.ts";
import { INT64_MAX } from "../../contract/values/integers.ts";

/** Enough for a thousand items. A constant, because it decides outcomes. */
export const COMMAND_BYTES_MAX = 256 * 1024;

/** More than any warehouse has, and small enough that sums stay exact. */
export const PIECES_MAX = 10 ** 12;

const id = type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION);
const int64 = integerText(1n, INT64_MAX);
const sku = type("1 <= number.integer <= 4294967295");
const pieces = type(`0 <= number.integer <= ${PIECES_MAX}`);
const item = type({ "+": "reject", sku, count: "1 <= number.integer <= 65535" });

const common = { "+": "reject", id } as const;

export const COMMANDS = {
  "order.create": compiled({
    ...common,
    type: "'order.create'",
    user: int64,
    items: item.array().atLeastLength(1).atMostLength(1_000),
  }),
  "order.pay": compiled({ ...common, type: "'order.pay'", order: int64 }),
  "order.cancel": compiled({ ...common, type: "'order.cancel'", order: int64 }),
  // From operators: the pieces in stock, and those that others than orders reserve.
  "stock.put": compiled({ ...common, type: "'stock.put'", sku, total: pieces, reserved: pieces }),
  tick: compiled({ ...common, type: "'tick'" }),
} as const;

export type CommandType = keyof typeof COMMANDS;
export type CommandOf<Name extends CommandType> = Readonly<(typeof COMMANDS)[Name]["infer"]>;
export type Command = { [Name in CommandType]: CommandOf<Name> }[CommandType];

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_TYPES: readonly CommandType[] = SHAPES.types;
export const COMMAND_PATHS = SHAPES.paths;

export const parseCommand = (payload: Buffer): Command | Rejection => ordered(SHAPES.parse(payload));

export const checkCommand = (value: unknown): Command | Rejection => ordered(SHAPES.check(value));

/** The unique key of a command. The space keeps callers from taking the id of a future tick: ids have none. */
export function nameOf({ type: name, id: commandId }: Pick<Command, "type" | "id">): string {
  return name === "tick" ? `tick ${commandId}` : commandId;
}

/** Normalises the order of members, which does not distinguish commands. */
function ordered(command: Command | Rejection): Command | Rejection {
  if (isRejection(command) || command.type !== "order.create") return command;
  return { ...command, items: command.items.map(({ sku: ofItem, count }) => ({ sku: ofItem, count })) };
}
