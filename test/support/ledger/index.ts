/**
 * A small domain with state, for tests of the engine: entries change the balances of accounts, which never fall below
 * 0. It has two tables, a check, durable commits, events, and rules by domain time.
 */
import { type } from "arktype";
import type { AnyDomain, OutboxEvent, Outcome, Projected, Projection } from "../../../src/contract/domain.ts";
import { PROJECTED } from "../../../src/contract/domain.ts";
import type { InboxRow } from "../../../src/contract/message.ts";
import { conflict, type Rejection } from "../../../src/contract/rejection.ts";
import { parseJsonDocument } from "../../../src/contract/values/json-document.ts";
import { schemaProblems } from "../../../src/contract/values/schema-problems.ts";
import { pathsOf } from "../../../src/contract/values/shapes.ts";
import type { Transaction } from "../../../src/database/transaction.ts";
import { type Entry, insertEntries, selectBalances, selectEntries, upsertBalances } from "./ledger-table.ts";
import { ledgerRoutes } from "./routes.ts";

const message = type({
  "+": "reject",
  id: "1 <= string <= 64",
  account: "1 <= string <= 64",
  amount: "number.integer",
  "holder?": "string",
});

export const ledger: AnyDomain = {
  name: "ledger",
  tables: [
    { name: "ledger_entries", key: ["id"] },
    { name: "ledger_accounts", key: ["account"] },
  ],
  migrations: new URL("migrations/", import.meta.url),
  paths: pathsOf(message),
  personalNames: ["holder"],
  settings: {},
  isDurable: true,
  checks: [
    {
      name: "balance_is_sum_of_entries",
      sql: `select coalesce(max(entries.position), 0) as position, 'the balance of an account is not the sum of its entries' as detail
            from ledger_accounts as accounts left join ledger_entries as entries using (account)
            where $1::bigint is not null
            group by accounts.account, accounts.balance
            having accounts.balance <> coalesce(sum(entries.amount) filter (where not entries.is_declined), 0)`,
    },
  ],
  createProjection: () => new LedgerProjection(),
  open: (context) => ({ routes: ledgerRoutes(context) }),
};

class LedgerProjection implements Projection<Entry> {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Entry>> {
    const parsed = batch.map(({ payload }) => parse(payload));
    const asked = parsed.filter((result) => !("code" in result)) as Message[];
    const known = await selectEntries(
      transaction,
      asked.map(({ id }) => id),
    );
    const balances = await selectBalances(
      transaction,
      asked.map(({ account }) => account),
    );
    const added: Entry[] = [];
    const events: OutboxEvent[] = [];
    const outcomes = batch.map((row, index): Outcome => {
      const command = parsed[index] as Message | Rejection;
      if ("code" in command) return { kind: "dead", rejection: command };
      const first = known.get(command.id);
      if (first) return compare(first, row, command);
      const before = balances.get(command.account) ?? 0n;
      const after = before + BigInt(command.amount);
      const entry: Entry = {
        ...command,
        amount: BigInt(command.amount),
        position: row.position,
        receivedAtMs: row.receivedAtMs,
        isDeclined: after < 0n,
      };
      known.set(command.id, entry);
      added.push(entry);
      if (entry.isDeclined) return PROJECTED;
      balances.set(command.account, after);
      events.push({
        position: row.position,
        topic: "ledger.entries",
        key: command.account,
        payload: Buffer.from(JSON.stringify({ id: command.id, balance: String(after) })),
        headers: { "message-id": `ledger/${row.position}` },
      });
      return PROJECTED;
    });
    await insertEntries(transaction, added);
    await upsertBalances(transaction, balances);
    return { outcomes, added, events };
  }
}

type Message = Readonly<{ id: string; account: string; amount: number }>;

function parse(payload: Buffer): Message | Rejection {
  const document = parseJsonDocument(payload, 64 * 1024);
  if ("code" in document) return document;
  const read = message(document.value);
  return read instanceof type.errors
    ? { code: "schema", problems: schemaProblems(read, document.value) }
    : read;
}

function compare(
  first: Pick<Entry, "position" | "account" | "amount">,
  row: InboxRow,
  one: Message,
): Outcome {
  const isSame = first.account === one.account && first.amount === BigInt(one.amount);
  if (isSame) return { kind: "duplicate", originalPosition: first.position };
  return { kind: "dead", rejection: conflict("/id", first.position, row.position) };
}
