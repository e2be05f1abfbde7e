/**
 * Carts and checkouts. A crash between cart and order neither loses a checkout nor orders it twice.
 *
 *   call ─▶ product, stock ─▶ command ─▶ commands.ts (shape) ─▶ fold.ts ─ rules.ts (decision) ─▶ items, checkouts
 *                                        checkout/ ─▶ order service ─▶ checkout.done ─▶ frozen items leave the cart
 */
import type { DomainModule } from "../../contract/domain.ts";
import { selectCheckout } from "./checkouts-table.ts";
import { CART_CHECKS } from "./checks-table.ts";
import { COMMAND_PATHS } from "./commands.ts";
import { selectDecided } from "./commands-table.ts";
import type { Decided } from "./model.ts";
import { CartProjection } from "./projection.ts";
import { CART_SETTINGS, type CartSettings } from "./settings.ts";

export const cart: DomainModule<CartSettings, Decided> = {
  name: "cart",
  tables: [
    { name: "cart_commands", key: ["position"] },
    { name: "cart_items", key: ["user_id", "sku"] },
    { name: "cart_checkouts", key: ["id"] },
    { name: "cart_checkout_items", key: ["checkout", "sku"] },
  ],
  migrations: new URL("../../../migrations/cart/", import.meta.url),
  paths: COMMAND_PATHS,
  personalNames: ["user"],
  documents: [
    {
      what: "checkout id",
      find: async (database, id) => {
        const checkout = await selectCheckout(database, id);
        return checkout ? [...new Set([checkout.openedPosition, checkout.position])] : [];
      },
    },
    {
      what: "command id",
      find: async (database, id) => (await selectDecided(database, [id])).map(({ position }) => position),
    },
  ],
  settings: CART_SETTINGS,
  isDurable: true,
  checks: CART_CHECKS,
  createProjection: () => new CartProjection(),
  open: async (context, settings) => (await import("./open.ts")).openCart(context, settings),
};
