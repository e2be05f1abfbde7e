/** Reads the available stock of a SKU. */
import type { Client } from "@connectrpc/connect";
import { UpstreamError } from "../../contract/errors.ts";
import type { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";

/** @returns 0 if the order service does not know the SKU. */
export async function availableOf(
  loms: Pick<Client<typeof LomsService>, "stockInfo">,
  sku: number,
  signal: AbortSignal,
): Promise<bigint> {
  try {
    return (await loms.stockInfo({ sku }, { signal })).count;
  } catch (error) {
    if (error instanceof UpstreamError && error.status === "NOT_FOUND") return 0n;
    throw error;
  }
}
