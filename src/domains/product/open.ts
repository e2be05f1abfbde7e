/** Calls that read the tables, and a route for commands. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import { NotFoundError } from "../../contract/errors.ts";
import type { IntakeDescription } from "../../contract/route.ts";
import { served } from "../../contract/rpc.ts";
import { ProductService } from "../../proto/marketplace/product/v1/product_pb.ts";
import { callLimit } from "./call-limit.ts";
import { selectProduct, selectSkus } from "./products-table.ts";
import type { ProductSettings } from "./settings.ts";

export function openProduct(
  { database, intake }: DomainContext,
  { callsPerSecond }: ProductSettings,
): DomainService {
  const takeCall = callLimit(callsPerSecond);
  const intakeRoute = intake(INTAKE);
  return {
    routes: intakeRoute ? [intakeRoute] : [],
    rpcs: [
      served(ProductService, {
        getProduct: async ({ sku }) => {
          await takeCall();
          const product = await selectProduct(database, sku);
          if (!product) throw new NotFoundError(`there is no product with the SKU ${sku}`);
          return product;
        },
        listSkus: async ({ startAfterSku, count }) => {
          await takeCall();
          return { skus: await selectSkus(database, startAfterSku, count) };
        },
      }),
    ],
  };
}

const INTAKE: IntakeDescription = {
  path: "/product/commands",
  tag: "product",
  summary: "Append one command to the inbox",
  description:
    "`product.put` with `id`, `sku`, `name` and `price` creates or replaces a product. An invalid command becomes a dead letter; see `GET /messages/:position`.",
};
