/** What can be asked of products. */
import { type } from "arktype";
import {
  COMMAND_ID,
  COMMAND_ID_DESCRIPTION,
  type CommandOf,
  CommandShapes,
} from "../../contract/command-shapes.ts";
import type { Rejection } from "../../contract/rejection.ts";

/** No command needs more. It decides an outcome, so it is no setting. */
export const COMMAND_BYTES_MAX = 64 * 1024;

const uint32 = type(`1 <= number.integer <= ${2 ** 32 - 1}`);

const COMMANDS = {
  /** Says what a product is, whether there is one with this SKU or not. */
  "product.put": type({
    "+": "reject",
    id: type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION),
    type: "'product.put'",
    sku: uint32,
    name: "1 <= string <= 200",
    // In the smallest unit of the currency.
    price: uint32,
  }),
} as const;

export type Command = CommandOf<typeof COMMANDS>;

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_PATHS = SHAPES.paths;

/** Validates a payload. @returns the command, or why it is none. */
export const parseCommand = (payload: Buffer): Command | Rejection => SHAPES.parse(payload);
