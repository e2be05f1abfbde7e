/**
 * `POST /ledger/entries`: one entry, answered once it is decided; `GET /ledger/accounts/:account`; `GET /ledger/mine`:
 * the caller's balance. The token `token-of-ann` proves to be `ann`.
 */
import { randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { DomainContext } from "../../../src/contract/domain.ts";
import { DeclinedError, NotAllowedError } from "../../../src/contract/errors.ts";
import { answer, inPath, object, ownProblem, TEXT } from "../../../src/contract/openapi.ts";
import { type Credential, type Route, sendJson } from "../../../src/contract/route.ts";
import { selectBalances } from "./ledger-table.ts";

const OWNER: Credential = {
  name: "owner",
  description: "the token of an account's owner",
  authenticate: async (token) => {
    if (token.startsWith("expired-")) throw new NotAllowedError("the token has expired");
    return /^token-of-(\w+)$/.exec(token)?.[1];
  },
};

export function ledgerRoutes({ submit, settled, database }: DomainContext): Route[] {
  return [
    {
      method: "POST",
      path: "/ledger/entries",
      access: "open",
      operation: {
        tags: ["ledger"],
        summary: "One entry",
        responses: { 200: answer("decided", object({ position: TEXT, outcome: TEXT })) },
      },
      handle: async (request, response) => {
        const key = request.headers["idempotency-key"];
        const message = { payload: await buffer(request), messageId: String(key ?? randomUUID()) };
        const { position } = await submit({ ...message, headers: { owner: "ann" } });
        const outcome = await settled(position, AbortSignal.timeout(60_000));
        sendJson(response, 200, { position: String(position), outcome });
      },
    },
    {
      method: "GET",
      path: "/ledger/accounts/:account",
      access: "open",
      operation: {
        tags: ["ledger"],
        summary: "A balance",
        parameters: [inPath("account", "its name", TEXT)],
        responses: { 200: answer("the balance", object({ balance: TEXT })) },
      },
      handle: async (request, response) => {
        const account = request.params.account as string;
        const balances = await selectBalances(database, [account]);
        sendJson(response, 200, { balance: String(balances.get(account) ?? 0n) });
      },
    },
    {
      method: "GET",
      path: "/ledger/mine",
      access: OWNER,
      operation: {
        tags: ["ledger"],
        summary: "The caller's balance",
        responses: {
          200: answer("the balance", object({ account: TEXT, balance: TEXT })),
          409: ownProblem("there is none", ["no_entries"], { account: TEXT, retryable: { const: false } }),
        },
      },
      handle: async ({ subject }, response) => {
        const account = subject as string;
        const balance = (await selectBalances(database, [account])).get(account);
        if (balance === undefined) throw new DeclinedError("no_entries", "No entries", { account });
        sendJson(response, 200, { account, balance: String(balance) });
      },
    },
  ];
}
