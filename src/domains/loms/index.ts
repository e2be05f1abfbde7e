/**
 * Loms, the logistics and order management system: orders reserve stock and are payed or cancelled, and no piece is sold
 * twice. Each command gets one final decision.
 *
 *   command ─▶ commands.ts (shape) ─▶ fold.ts ─ rules.ts (decision) ─▶ orders, stocks, changes ─▶ events
 */
import type { DomainModule } from "../../contract/domain.ts";
import { LOMS_CHECKS } from "./checks-table.ts";
import { COMMAND_PATHS } from "./commands.ts";
import { selectCommands } from "./commands-table.ts";
import { FIRST_STOCKS } from "./first-stocks.ts";
import type { Folded } from "./fold.ts";
import { PAYMENT_MS } from "./model.ts";
import { selectFirstUnpaid, selectOrderPositions } from "./orders-table.ts";
import { LomsProjection } from "./projection.ts";

export const loms: DomainModule<object, Folded> = {
  name: "loms",
  tables: [
    { name: "loms_commands", key: ["position"] },
    { name: "loms_orders", key: ["id"] },
    { name: "loms_items", key: ["order_id", "sku"] },
    { name: "loms_stocks", key: ["sku"] },
    { name: "loms_changes", key: ["order_id", "sequence"] },
  ],
  migrations: new URL("../../../migrations/loms/", import.meta.url),
  paths: COMMAND_PATHS,
  personalNames: ["user"],
  documents: [
    { what: "order id", find: selectOrderPositions },
    {
      what: "command id",
      find: async (database, id) => (await selectCommands(database, [id])).map(({ position }) => position),
    },
  ],
  settings: {},
  isDurable: true,
  checks: LOMS_CHECKS,
  createProjection: () => new LomsProjection(),
  firstMessages: FIRST_STOCKS,
  open: async (context) => (await import("./open.ts")).openLoms(context),
  // Time reaches the rules as messages: one a second while an unpaid order is due.
  timer: {
    nextDueAt: async (database) => {
      const first = await selectFirstUnpaid(database);
      return first && new Date(first.getTime() + PAYMENT_MS);
    },
    payloadOf: (second) => Buffer.from(JSON.stringify({ id: second.toISOString(), type: "tick" })),
  },
};
