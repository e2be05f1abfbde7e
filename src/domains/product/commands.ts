/** Shapes of the commands. */
import { compiled, type } from "../../config/types.ts";
import {
  COMMAND_ID,
  COMMAND_ID_DESCRIPTION,
  type CommandOf,
  CommandShapes,
} from "../../contract/command-shapes.ts";
import type { Rejection } from "../../contract/rejection.ts";

/** No setting: it decides outcomes. */
export const COMMAND_BYTES_MAX = 64 * 1024;

const uint32 = type(`1 <= number.integer <= ${2 ** 32 - 1}`);

const COMMANDS = {
  "product.put": compiled({
    "+": "reject",
    id: type(COMMAND_ID).describe(COMMAND_ID_DESCRIPTION),
    type: "'product.put'",
    sku: uint32,
    name: "1 <= string <= 200",
    // Minor units of the currency.
    price: uint32,
  }),
} as const;

export type Command = CommandOf<typeof COMMANDS>;

const SHAPES = new CommandShapes(COMMANDS, COMMAND_BYTES_MAX);
export const COMMAND_PATHS = SHAPES.paths;

export const parseCommand = (payload: Buffer): Command | Rejection => SHAPES.parse(payload);
