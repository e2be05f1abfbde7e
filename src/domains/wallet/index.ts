/**
 * Deposits, withdrawals, transfers and holds without negative balances. Valid commands get a final decision, invalid
 * ones become dead letters.
 *
 *   command ─▶ commands.ts (shape) ─▶ fold.ts ─ rules.ts (decision) ─▶ postings, accounts, holds ─▶ events
 */
import type { DomainModule } from "../../contract/domain.ts";
import { selectLastPostings } from "./accounts-table.ts";
import { WALLET_CHECKS } from "./checks-table.ts";
import { COMMAND_PATHS } from "./commands.ts";
import { FIRST_CURRENCIES } from "./currencies.ts";
import type { Folded } from "./fold.ts";
import { selectNextExpiry } from "./holds-table.ts";
import { WalletProjection } from "./projection.ts";
import { checkWalletSettings, WALLET_SETTINGS, type WalletSettings } from "./settings.ts";
import { tokenCommand } from "./token-command.ts";
import { selectTransactions } from "./transactions-table.ts";

export const wallet: DomainModule<WalletSettings, Folded> = {
  name: "wallet",
  tables: [
    { name: "wallet_transactions", key: ["position"] },
    { name: "wallet_postings", key: ["owner", "currency", "kind", "position", "sequence"] },
    { name: "wallet_accounts", key: ["owner", "currency", "kind"] },
    { name: "wallet_holds", key: ["owner", "id"] },
    { name: "wallet_currencies", key: ["code"] },
  ],
  migrations: new URL("../../../migrations/wallet/", import.meta.url),
  paths: COMMAND_PATHS,
  personalNames: ["owner", "to", "from"],
  documents: [
    { what: "owner, whose last posting it finds", find: selectLastPostings },
    {
      what: "owner and transaction id with a space between them",
      find: async (database, text) => {
        const [owner = "", id, ...more] = text.split(" ");
        if (id === undefined || more.length > 0) return [];
        return (await selectTransactions(database, [{ owner, id }])).map(({ position }) => position);
      },
    },
  ],
  settings: WALLET_SETTINGS,
  checkSettings: checkWalletSettings,
  commands: [tokenCommand],
  isDurable: true,
  checks: WALLET_CHECKS,
  createProjection: () => new WalletProjection(),
  firstMessages: FIRST_CURRENCIES,
  open: async (context, settings) => (await import("./open.ts")).openWallet(context, settings),
  // Time reaches the rules as messages: one per second while a hold is due.
  timer: {
    nextDueAt: selectNextExpiry,
    payloadOf: (second) => Buffer.from(JSON.stringify({ id: second.toISOString(), type: "tick" })),
  },
};
