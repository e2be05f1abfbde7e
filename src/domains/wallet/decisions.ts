/** The decisions of the wallet, for callers who wait for them. */
import { isSameCommand } from "../../contract/command-shapes.ts";
import { Decisions } from "../../contract/decisions.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { type Command, ownerOf, parseCommand } from "./commands.ts";
import type { Folded } from "./fold.ts";
import { type Receipt, selectReceipts } from "./receipts-table.ts";
import { selectPayloads, selectTransactions } from "./transactions-table.ts";

export type WalletDecisions = Decisions<Command, Receipt>;

export function walletDecisions({
  database,
  settled,
}: Pick<DomainContext, "database" | "settled">): WalletDecisions {
  return new Decisions({
    settled,
    read: (positions) => selectReceipts(database, positions),
    first: async (command) => {
      const [first] = await selectTransactions(database, [{ owner: ownerOf(command), id: command.id }]);
      if (!first) return undefined;
      const payload = (await selectPayloads(database, [first.position])).get(first.position) as Buffer;
      return { position: first.position, isSame: isSameCommand(parseCommand(payload) as Command, command) };
    },
  });
}

export function receiptOf({ transaction, currency, balances }: Folded): Receipt {
  return { transaction, exponent: currency?.exponent, balances };
}
