/** Delivers decisions to waiting callers. */
import { Decisions } from "../../contract/decisions.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { type Command, ownerOf, parseCommand } from "./commands.ts";
import type { Folded } from "./fold.ts";
import { type Receipt, selectReceipts } from "./receipts-table.ts";
import { selectTransactions } from "./transactions-table.ts";

export type WalletDecisions = Decisions<Command, Receipt>;

export function walletDecisions(context: Pick<DomainContext, "database" | "settled">): WalletDecisions {
  const { database } = context;
  return new Decisions({
    context,
    form: { parse: parseCommand },
    read: (positions) => selectReceipts(database, positions),
    firstOf: async (command) => {
      const [first] = await selectTransactions(database, [{ owner: ownerOf(command), id: command.id }]);
      return first?.position;
    },
  });
}

export function receiptOf({ transaction, currency, balances }: Folded): Receipt {
  return { transaction, exponent: currency?.exponent, balances };
}
