/** The routes in the API document. */
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
/** 0: before all commands. */
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
  "not decided in time: repeat the request, or get the address in Location, to wait again",
  object({ position: POSITION, status: oneOf("pending") }),
  { location: header("address of the command") },
);
const KEY: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  required: true,
  description: "id of the command: the same key with the same content always gets the same answer",
  schema: ID,
};
const DECIDED = {
  201: answer(
    "the command succeeded; balances after it",
    object({ position: POSITION, status: oneOf("succeeded"), balances: BALANCES }),
  ),
  202: PENDING,
  409: ownProblem("declined by a rule, for good; no money moved", DECLINE_REASONS, {
    position: POSITION,
    currency: CODE,
    available: AMOUNT,
    retryable: { const: false },
  }),
  ...problems(400, 413, 415, 422),
};

const SUMMARIES: Readonly<Record<CommandType, string>> = {
  deposit: "Deposit money",
  withdraw: "Withdraw money",
  transfer: "Transfer money to another user",
  hold: "Hold money until it is captured, released or expires",
  capture: "Capture a hold, in whole or in part",
  release: "Release a hold",
  reverse: "Reverse a transaction, in whole or in part",
  "currency.put": "Add, enable or disable a currency",
  tick: "",
};

export function command(type: CommandType, path: string): Operation {
  const isOfHold = path.includes(":id");
  return {
    tags: TAGS,
    summary: SUMMARIES[type],
    parameters: [...(isOfHold ? [inPath("id", "id of the hold", ID)] : []), KEY],
    requestBody: jsonBody(bodyOf(type, isOfHold ? ["hold"] : []), !isOfHold),
    responses: DECIDED,
  };
}

export const anyCommand: Operation = {
  tags: TAGS,
  summary: "Send any command",
  description: "The body names the type; its other members are those of the type's own route.",
  parameters: [KEY],
  requestBody: jsonBody({ type: "object", properties: { type: TEXT }, required: ["type"] }),
  responses: DECIDED,
};

export const putCurrency: Operation = command("currency.put", "/wallet/currencies");

export const showCommand: Operation = {
  tags: TAGS,
  summary: "Show a command of the caller; waits for its decision",
  parameters: [inPath("id", "the Idempotency-Key of the command", ID)],
  responses: { 200: answer("decided", TRANSACTION), 202: PENDING, ...problems(400, 404) },
};

const WHEN = [
  inQuery("after", "wait until this position is processed", POSITION),
  inQuery("at", "return the balances after this position, or at this time (RFC 3339)", TEXT),
];

export const balances: Operation = {
  tags: TAGS,
  summary: "The caller's balances, as of one position",
  parameters: WHEN,
  responses: {
    200: answer("after `position`", object({ position: MOMENT, balances: BALANCES })),
    ...problems(400),
  },
};

export const balance: Operation = {
  tags: TAGS,
  summary: "The caller's balance in one currency",
  parameters: [inPath("currency", "code of the currency", CODE), ...WHEN],
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
  summary: "Stream the caller's balances when they change",
  responses: { 200: bytes("server-sent events: balances", "text/event-stream") },
};

const PAGE = [
  inQuery("currency", "only entries in this currency", CODE),
  inQuery("status", "only entries with this status", STATUS),
  inQuery("before", "the `next` of the previous page", POSITION),
  inQuery("limit", "maximum number of positions, 50 by default", {
    type: "integer",
    minimum: 1,
    maximum: 200,
  }),
];
const STATEMENT = {
  200: answer(
    "newest first; `next` is null on the last page",
    object({ entries: arrayOf(TRANSACTION), next: nullable(POSITION) }),
  ),
  ...problems(400),
};

export const statement: Operation = {
  tags: TAGS,
  summary: "The caller's statement: movements and declined commands",
  parameters: PAGE,
  responses: STATEMENT,
};

export const ownersStatement: Operation = {
  tags: TAGS,
  summary: "The statement of any owner; access is recorded",
  parameters: [
    inPath("owner", "user of the statement", ID),
    ...PAGE,
    inQuery("author", "name of the operator, for the record", TEXT),
    inQuery("reason", "reason for the access, for the record", TEXT),
  ],
  responses: STATEMENT,
};

export const transaction: Operation = {
  tags: TAGS,
  summary: "A transaction that concerns the caller",
  parameters: [inPath("position", "position of the transaction", POSITION)],
  responses: { 200: answer("the transaction", TRANSACTION), ...problems(400, 404) },
};

export const currencies: Operation = {
  tags: TAGS,
  summary: "All currencies",
  responses: {
    200: answer(
      "ordered by code",
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

/** Without members given by path, key or token. */
function bodyOf(type: CommandType, elsewhere: readonly string[]): Schema {
  const { properties, required, ...rest } = schemaOf(COMMANDS[type] as never) as Record<string, never>;
  const isElsewhere = (name: string) => ["id", "type", "owner", ...elsewhere].includes(name);
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties ?? {}).filter(([name]) => !isElsewhere(name))),
    required: (required as readonly string[] | undefined)?.filter((name) => !isElsewhere(name)) ?? [],
  };
}
