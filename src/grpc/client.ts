/** Clients of other services. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { OpenRpcClient } from "../contract/rpc.ts";

export function rpcClients(): OpenRpcClient {
  return (service, { url }) => createClient(service, createGrpcTransport({ baseUrl: url }));
}
