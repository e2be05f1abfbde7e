/** `POST /ledger/entries`: one entry, answered when it is decided; `GET /ledger/accounts/:account`. */
import { randomUUID } from "node:crypto";
import { buffer } from "node:stream/consumers";
import type { DomainContext } from "../../../src/contract/domain.ts";
import { answer, inPath, object, TEXT } from "../../../src/contract/openapi.ts";
import { type Route, sendJson } from "../../../src/contract/route.ts";
import { selectBalances } from "./ledger-table.ts";

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
  ];
}
