/** Read routes of users for their own wallet, and of operators for any. */
import type { ServerResponse } from "node:http";
import type { DomainContext } from "../../../contract/domain.ts";
import { InvalidInputError, NotFoundError, UnavailableError } from "../../../contract/errors.ts";
import { type Credential, type Request, type Route, sendJson } from "../../../contract/route.ts";
import { POSITION_MAX, readInteger, readPosition } from "../../../contract/values/integers.ts";
import { type Balance, selectBalances, selectBalancesAt, selectPositionAt } from "../balances-table.ts";
import { readCurrencies, selectCurrencies } from "../currencies-table.ts";
import { balancesDocument, entryDocument } from "../documents.ts";
import { type StatementFilter, selectEntry, selectStatement } from "../statement-table.ts";
import * as operations from "./operations.ts";
import { within } from "./within.ts";

export type ReadRoutesOptions = Readonly<{
  context: Pick<DomainContext, "database" | "settled" | "recordReveals">;
  user: Credential;
  answerSeconds: number;
}>;

export function readRoutes(options: ReadRoutesOptions): Route[] {
  const { context, user } = options;
  const { database } = context;
  const get = (
    path: string,
    access: Route["access"],
    operation: Route["operation"],
    handle: Route["handle"],
  ): Route => ({ method: "GET", path, access, operation, handle });
  return [
    get("/wallet/balances", user, operations.balances, async (request, response) => {
      const { position, balances } = await readBalances(options, request, response);
      const document = balancesDocument(balances, await readCurrencies(database));
      sendJson(response, 200, { position: String(position), balances: document });
    }),
    get("/wallet/balances/:currency", user, operations.balance, async (request, response) => {
      const currency = request.params.currency as string;
      const { position, balances } = await readBalances(options, request, response);
      const currencies = await readCurrencies(database);
      if (!currencies.has(currency)) throw new NotFoundError("there is no such currency");
      const found = balances.find((balance) => balance.currency === currency) ?? { currency, ...NOTHING };
      const document = balancesDocument([found], currencies)[currency];
      sendJson(response, 200, { currency, ...document, position: String(position) });
    }),
    get("/wallet/statement", user, operations.statement, async ({ subject, query }, response) => {
      sendJson(response, 200, await statementOf(database, subject as string, filterOf(query)));
    }),
    get(
      "/wallet/owners/:owner/statement",
      "operator",
      operations.ownersStatement,
      async (request, response) => {
        const { author, reason, ...query } = request.query;
        const statement = await statementOf(database, request.params.owner as string, filterOf(query));
        // Before the data is sent.
        const positions = statement.entries.map(({ position }) => BigInt(position));
        await context.recordReveals(request, positions, { author, reason });
        sendJson(response, 200, statement);
      },
    ),
    get("/wallet/transactions/:position", user, operations.transaction, async (request, response) => {
      const owner = request.subject as string;
      const entry = await selectEntry(database, owner, readPosition(request.params.position));
      // Reveals nothing about other users' transactions.
      if (!entry) throw new NotFoundError("there is no such transaction");
      sendJson(response, 200, entryDocument(entry, owner, await readCurrencies(database)));
    }),
    get("/wallet/currencies", "open", operations.currencies, async (_request, response) => {
      const currencies = (await selectCurrencies(database)).map(({ numericCode, position, ...currency }) => ({
        ...currency,
        numeric_code: numericCode,
        position: String(position),
      }));
      sendJson(response, 200, { currencies });
    }),
  ];
}

/** Current, after a position (`after`), or in the past (`at`). */
async function readBalances(
  { context: { database, settled }, answerSeconds }: ReadRoutesOptions,
  { subject = "", query }: Request,
  response: ServerResponse,
): Promise<{ position: bigint; balances: Balance[] }> {
  const after = query.after === undefined ? undefined : readPosition(query.after, "after");
  const moment = query.at === undefined ? undefined : readMoment(query.at);
  const isTime = moment instanceof Date;
  for (const position of [after, isTime ? undefined : moment]) {
    if (position === undefined || position === 0n) continue;
    const outcome = await within(answerSeconds, response, (signal) => settled(position, signal));
    if (outcome === "pending") throw new UnavailableError(`position ${position} is not processed yet`, 1);
  }
  if (moment === undefined) return selectBalances(database, subject);
  const position = isTime ? await selectPositionAt(database, moment) : moment;
  return { position, balances: await selectBalancesAt(database, subject, position) };
}

function readMoment(text: string): bigint | Date {
  if (/^\d+$/.test(text)) return readPosition(text, "at", 0n);
  const time = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time);
  throw new InvalidInputError("at", "at must be a position, or a time such as 2026-01-31T12:00:00Z");
}

function filterOf(query: Request["query"]): StatementFilter {
  const { currency, status } = query;
  if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
    throw new InvalidInputError("currency", "currency must be three upper-case letters");
  if (status !== undefined && status !== "succeeded" && status !== "declined")
    throw new InvalidInputError("status", "status must be succeeded or declined");
  return {
    currency,
    status,
    before: query.before === undefined ? POSITION_MAX : readPosition(query.before, "before"),
    limit: readInteger(query.limit ?? LIMIT_DEFAULT, "limit", 1, LIMIT_MAX),
  };
}

async function statementOf(database: DomainContext["database"], owner: string, filter: StatementFilter) {
  const entries = await selectStatement(database, owner, filter);
  const currencies = await readCurrencies(database);
  const last = entries.at(-1);
  return {
    entries: entries.map((entry) => entryDocument(entry, owner, currencies)),
    next: last && entries.length === filter.limit ? String(last.transaction.position) : null,
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const NOTHING = { available: 0n, held: 0n };
const LIMIT_DEFAULT = "50";
const LIMIT_MAX = 200;
