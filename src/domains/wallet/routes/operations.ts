/** How the API document describes the routes of the wallet. */
import {
  answer,
  arrayOf,
  bytes,
  FLAG,
  header,
  inPath,
  inQuery,
  jsonBody,
  nullable,
  type Operation,
  object,
  oneOf,
  ownProblem,
  type Parameter,
  POSITION,
  problems,
  type Schema,
  TEXT,
  TIME,
} from "../../../contract/openapi.ts";
import { schemaOf } from "../../../contract/values/shapes.ts";
import { COMMANDS, type CommandType } from "../commands.ts";
import { DECLINE_REASONS } from "../model.ts";

const TAGS = ["wallet"] as const;
const ID: Schema = { type: "string", pattern: "^[!-~]{1,64}$" };
const CODE: Schema = { type: "string", pattern: "^[A-Z]{3}$" };
const AMOUNT: Schema = { type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?$" };
/** A position, or 0 for before all. */
const MOMENT: Schema = { type: "string", pattern: "^[0-9]{1,19}$" };
const BALANCE = object({ available: AMOUNT, held: AMOUNT });
const BALANCES: Schema = { type: "object", additionalProperties: BALANCE };
const CHANGES = arrayOf(
  object(
    {
      currency: CODE,
      kind: oneOf("available", "held"),
      amount: AMOUNT,
      balance_after: AMOUNT,
      cause: oneOf("command", "expiry"),
    },
    { hold: ID },
  ),
);
const STATUS = oneOf("succeeded", "declined");
const TRANSACTION = object(
  { position: POSITION, type: TEXT, status: STATUS, at: TIME, changes: CHANGES },
  {
    id: ID,
    reason: oneOf(...DECLINE_REASONS),
    currency: CODE,
    amount: AMOUNT,
    counterparty: ID,
    hold: ID,
    reverses: POSITION,
    incoming: FLAG,
    available: AMOUNT,
  },
);
const PENDING = answer(
  "not decided in time: the same request, and the address in Location, wait for it again",
  object({ position: POSITION, status: oneOf("pending") }),
  { location: header("where it is shown") },
);
const KEY: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  required: true,
  description: "the id of the command: the same key with the same content has the same answer, for ever",
  schema: ID,
};
const DECIDED = {
  201: answer(
    "done; the balances after it",
    object({ position: POSITION, status: oneOf("succeeded"), balances: BALANCES }),
  ),
  202: PENDING,
  409: ownProblem("a rule says no, for good; nothing moved", DECLINE_REASONS, {
    position: POSITION,
    currency: CODE,
    available: AMOUNT,
    retryable: { const: false },
  }),
  ...problems(400, 413, 415, 422),
};

const SUMMARIES: Readonly<Record<CommandType, string>> = {
  deposit: "Put money in",
  withdraw: "Take money out",
  transfer: "Send money to another user",
  hold: "Set money aside until it is captured, released, or expires",
  capture: "Take what is held out, whole or in part",
  release: "Make what is held available again",
  reverse: "Undo a transaction, whole or in part",
  "currency.put": "Add a currency, or enable or disable one",
  tick: "",
};

/** A route for one type of command. */
export function command(type: CommandType, path: string): Operation {
  const isOfHold = path.includes(":id");
  return {
    tags: TAGS,
    summary: SUMMARIES[type],
    parameters: [...(isOfHold ? [inPath("id", "of the hold", ID)] : []), KEY],
    requestBody: jsonBody(bodyOf(type, isOfHold ? ["hold"] : []), !isOfHold),
    responses: DECIDED,
  };
}

export const anyCommand: Operation = {
  tags: TAGS,
  summary: "Any command of a user",
  description: "The body names its type; the other members are those of the routes for one type each.",
  parameters: [KEY],
  requestBody: jsonBody({ type: "object", properties: { type: TEXT }, required: ["type"] }),
  responses: DECIDED,
};

export const putCurrency: Operation = command("currency.put", "/wallet/currencies");

export const showCommand: Operation = {
  tags: TAGS,
  summary: "What became of a command of the caller; waits for it",
  parameters: [inPath("id", "the Idempotency-Key of the command", ID)],
  responses: { 200: answer("decided", TRANSACTION), 202: PENDING, ...problems(400, 404) },
};

const WHEN = [
  inQuery("after", "waits until this position is processed", POSITION),
  inQuery("at", "the balances as they were after a position, or at a time (RFC 3339)", TEXT),
];

export const balances: Operation = {
  tags: TAGS,
  summary: "The caller's balances, all of one moment",
  parameters: WHEN,
  responses: {
    200: answer("after `position`", object({ position: MOMENT, balances: BALANCES })),
    ...problems(400),
  },
};

export const balance: Operation = {
  tags: TAGS,
  summary: "The caller's balance in one currency",
  parameters: [inPath("currency", "its code", CODE), ...WHEN],
  responses: {
    200: answer(
      "after `position`",
      object({ currency: CODE, available: AMOUNT, held: AMOUNT, position: MOMENT }),
    ),
    ...problems(400, 404),
  },
};

export const balanceEvents: Operation = {
  tags: TAGS,
  summary: "The caller's balances as they change",
  responses: { 200: bytes("server-sent events: balances", "text/event-stream") },
};

const PAGE = [
  inQuery("currency", "only this one", CODE),
  inQuery("status", "only these", STATUS),
  inQuery("before", "the `next` of the page before", POSITION),
  inQuery("limit", "how many positions, 50 by default", { type: "integer", minimum: 1, maximum: 200 }),
];
const STATEMENT = {
  200: answer(
    "newest first; `next` is null at the end",
    object({ entries: arrayOf(TRANSACTION), next: nullable(POSITION) }),
  ),
  ...problems(400),
};

export const statement: Operation = {
  tags: TAGS,
  summary: "What moved the caller's money, and what was declined",
  parameters: PAGE,
  responses: STATEMENT,
};

export const ownersStatement: Operation = {
  tags: TAGS,
  summary: "The same of any owner; that an operator reads it is recorded",
  parameters: [
    inPath("owner", "whose it is", ID),
    ...PAGE,
    inQuery("author", "who reads it", TEXT),
    inQuery("reason", "why", TEXT),
  ],
  responses: STATEMENT,
};

export const transaction: Operation = {
  tags: TAGS,
  summary: "One transaction in which the caller has a part",
  parameters: [inPath("position", "its position", POSITION)],
  responses: { 200: answer("the transaction", TRANSACTION), ...problems(400, 404) },
};

export const currencies: Operation = {
  tags: TAGS,
  summary: "All currencies",
  responses: {
    200: answer(
      "by their codes",
      object({
        currencies: arrayOf(
          object({
            code: CODE,
            numeric_code: { type: "integer" },
            exponent: { type: "integer" },
            enabled: FLAG,
            position: POSITION,
          }),
        ),
      }),
    ),
  },
};

/** The members that stand in the body; the address, the key and the token say the others. */
function bodyOf(type: CommandType, elsewhere: readonly string[]): Schema {
  const { properties, required, ...rest } = schemaOf(COMMANDS[type] as never) as Record<string, never>;
  const isElsewhere = (name: string) => ["id", "type", "owner", ...elsewhere].includes(name);
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties ?? {}).filter(([name]) => !isElsewhere(name))),
    required: (required as readonly string[] | undefined)?.filter((name) => !isElsewhere(name)) ?? [],
  };
}
