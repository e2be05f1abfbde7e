/**
 * What can be asked of the wallet. Bytes enter; a command or a rejection leaves. Only the shape is judged here: whatever
 * needs a balance, a hold or a currency to be judged is a matter of rules.ts, and a decline there is no dead letter.
 */
import { type Type, type } from "arktype";
import { excerptOf, jsonTypeOf, type Rejection, reject } from "../../contract/rejection.ts";
import { parseJsonDocument } from "../../contract/values/json-document.ts";
import { schemaProblems } from "../../contract/values/schema-problems.ts";
import { pathsOf } from "../../contract/values/shapes.ts";
import { AMOUNT } from "./amount.ts";

/** The counterpart of deposits and withdrawals, and the owner of what no user asked for. No user can have this name. */
export const SYSTEM_OWNER = "external";

/** No command needs more. It decides an outcome, so it is no setting. */
export const COMMAND_BYTES_MAX = 64 * 1024;

/** Longest time that money can be held: a year. */
export const HOLD_SECONDS_MAX = 366 * 24 * 3600;

/** What stands in an address: a client normalises "." and ".." away. */
export const COMMAND_ID = /^(?!\.{1,2}$)[\x21-\x7e]{1,64}$/;

const id = type(COMMAND_ID).describe(
  '1 to 64 printable ASCII characters without spaces, and not "." or ".."',
);
/** A user, as the subject of a token names it. */
export const ownerName = type(/^(?!external$|\.{1,2}$)[\x21-\x7e]{1,64}$/).describe(
  `1 to 64 printable ASCII characters without spaces, and not "${SYSTEM_OWNER}", "." or ".."`,
);
const currency = type(/^[A-Z]{3}$/).describe("three upper-case letters (ISO 4217)");
const amount = type(AMOUNT).describe('a positive decimal in a string, such as "100.50"');

const common = { "+": "reject", id, owner: ownerName } as const;

/** The shape of each type of command. */
export const COMMANDS = {
  deposit: type({ ...common, type: "'deposit'", currency, amount }),
  withdraw: type({ ...common, type: "'withdraw'", currency, amount }),
  transfer: type({ ...common, type: "'transfer'", to: ownerName, currency, amount }),
  hold: type({
    ...common,
    type: "'hold'",
    currency,
    amount,
    expires_in_seconds: type(`1 <= number.integer <= ${HOLD_SECONDS_MAX}`),
  }),
  capture: type({ ...common, type: "'capture'", hold: id, "amount?": amount }),
  release: type({ ...common, type: "'release'", hold: id }),
  // `from` names the sender of a transfer, which the receiver gives back: ids are unique for one owner only.
  reverse: type({ ...common, type: "'reverse'", transaction: id, "from?": ownerName, "amount?": amount }),
  "currency.put": type({
    "+": "reject",
    id,
    type: "'currency.put'",
    code: currency,
    numeric_code: "1 <= number.integer <= 999",
    exponent: "0 <= number.integer <= 8",
    enabled: "boolean",
  }),
  tick: type({ "+": "reject", id, type: "'tick'" }),
} as const;

export type CommandType = keyof typeof COMMANDS;
export type CommandOf<Name extends CommandType> = Readonly<(typeof COMMANDS)[Name]["infer"]>;
export type Command = { [Name in CommandType]: CommandOf<Name> }[CommandType];

export const COMMAND_TYPES = Object.keys(COMMANDS) as CommandType[];

/** What the schema knows; names that a sender made up are not among it. */
export const COMMAND_PATHS: readonly string[] = [
  ...new Set(Object.values(COMMANDS).flatMap((shape) => pathsOf(shape))),
];

/** Whose command it is. */
export function ownerOf(command: Command): string {
  return "owner" in command ? command.owner : SYSTEM_OWNER;
}

/** Validates a payload. @returns the command, or why it is none. */
export function parseCommand(payload: Buffer): Command | Rejection {
  const document = parseJsonDocument(payload, COMMAND_BYTES_MAX);
  return "code" in document ? document : checkCommand(document.value);
}

/** Validates a document. */
export function checkCommand(value: unknown): Command | Rejection {
  if (jsonTypeOf(value) !== "object") {
    const received = jsonTypeOf(value);
    return reject("schema", {
      path: "",
      rule: "type",
      expected: "an object",
      received,
      excerpt: excerptOf(value),
    });
  }
  const { type: name } = value as { type?: unknown };
  if (!isCommandType(name)) {
    return reject("schema", {
      path: "/type",
      rule: name === undefined ? "required" : "enum",
      expected: `one of ${COMMAND_TYPES.join(", ")}`,
      received: name === undefined ? "nothing" : jsonTypeOf(name),
      ...(name === undefined ? {} : { excerpt: excerptOf(name) }),
    });
  }
  const checked = (COMMANDS[name] as Type<Command>)(value);
  if (checked instanceof type.errors)
    return { code: "schema", problems: schemaProblems(checked, value, EXPECTATIONS) };
  return checked as Command;
}

/** Whether two commands ask for the same, whatever the sequence of their members was. */
export function isSameCommand(one: Command, other: Command): boolean {
  const text = (command: Command) =>
    JSON.stringify(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(one) === text(other);
}

function isCommandType(name: unknown): name is CommandType {
  return typeof name === "string" && Object.hasOwn(COMMANDS, name);
}

/** What the rules of the shapes expect, in words. */
const EXPECTATIONS: Readonly<Record<string, string>> = { integer: "a whole number" };
