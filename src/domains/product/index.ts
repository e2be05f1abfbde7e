/**
 * Products: SKUs with names and prices. The smallest domain with calls; read this one first.
 *
 *   command ─▶ commands.ts (shape) ─▶ projection.ts ─▶ product_commands, product_products ─▶ open.ts (answers)
 *
 * The last command for a SKU counts. Valid commands are never declined.
 */
import type { DomainModule } from "../../contract/domain.ts";
import { CATALOGUE } from "./catalogue.ts";
import { PRODUCT_CHECKS } from "./checks-table.ts";
import { COMMAND_PATHS } from "./commands.ts";
import { selectCommands } from "./commands-table.ts";
import { selectProductPositions } from "./products-table.ts";
import { ProductProjection } from "./projection.ts";
import { PRODUCT_SETTINGS, type ProductSettings } from "./settings.ts";

export const product: DomainModule<ProductSettings> = {
  name: "product",
  tables: [
    { name: "product_commands", key: ["position"] },
    { name: "product_products", key: ["sku"] },
  ],
  migrations: new URL("../../../migrations/product/", import.meta.url),
  paths: COMMAND_PATHS,
  personalNames: [],
  documents: [
    { what: "SKU", find: selectProductPositions },
    {
      what: "command id",
      find: async (database, id) => [...(await selectCommands(database, [id])).values()],
    },
  ],
  settings: PRODUCT_SETTINGS,
  // No answer shows a command's effect.
  isDurable: false,
  checks: PRODUCT_CHECKS,
  createProjection: () => new ProductProjection(),
  firstMessages: CATALOGUE,
  open: async (context, settings) => (await import("./open.ts")).openProduct(context, settings),
};
