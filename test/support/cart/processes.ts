/** The marketplace's services as processes of their own, each with its clients. */
import { CartService } from "../../../src/proto/marketplace/cart/v1/cart_pb.ts";
import { LomsService } from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { clientOf } from "../../../tools/marketplace/clients.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { startAsProcess } from "../service.ts";

/** Loms and product in one process, on one database. */
export async function startLomsAndProduct(databaseUrl: string) {
  const service = await start(databaseUrl, { DOMAINS: "loms,product" });
  return { ...service, client: clientOf(LomsService, service.grpcUrl) };
}

/** @param upstreamUrl gRPC address of loms and product. */
export async function startCart(databaseUrl: string, upstreamUrl: string) {
  const service = await start(databaseUrl, {
    DOMAINS: "cart",
    CART_PRODUCT_URL: upstreamUrl,
    CART_LOMS_URL: upstreamUrl,
  });
  return { ...service, client: clientOf(CartService, service.grpcUrl) };
}

async function start(databaseUrl: string, environment: Record<string, string>) {
  const grpcPort = await freePort();
  const service = await startAsProcess(databaseUrl, { GRPC_PORT: String(grpcPort), ...environment });
  return {
    ...service,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    [Symbol.asyncDispose]: () => service.child.end("SIGTERM"),
  };
}
