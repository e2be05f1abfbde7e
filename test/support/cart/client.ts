/** A gRPC caller of a running cart service. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { CartService } from "../../../src/proto/marketplace/cart/v1/cart_pb.ts";

export function openCartClient(grpcPort: number) {
  const baseUrl = `http://127.0.0.1:${grpcPort}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const client = createClient(CartService, createGrpcTransport({ baseUrl, sessionManager }));
  return Object.assign(client, { [Symbol.dispose]: () => sessionManager.abort() });
}
