/** Loms in this process, whose RPCs a test calls as functions: everything is real but the network. */
import { createHandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { AnyDomain } from "../../../src/contract/domain.ts";
import type { RpcCall } from "../../../src/contract/rpc.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { LomsService } from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import type { TestDatabase } from "../database.ts";
import { startInProcess } from "../service.ts";
import { until } from "../wait.ts";

export type LomsRpcs = ServiceImpl<typeof LomsService>;

/** Waits until the first stocks are stored. */
export async function startLoms(database: TestDatabase, more: Record<string, string> = {}) {
  let rpcs: LomsRpcs | undefined;
  const module: AnyDomain = {
    ...loms,
    open: async (context, settings) => {
      const opened = await (loms as AnyDomain).open?.(context, settings);
      rpcs = opened?.rpcs?.[0]?.implementation as unknown as LomsRpcs;
      return opened as NonNullable<typeof opened>;
    },
  };
  const service = await startInProcess(database, { DOMAINS: "loms", ...more }, [module]);
  const count = loms.firstMessages?.length;
  await until("the stocks are there", async () => {
    const { rows } = await database.query("select from loms_stocks");
    return rows.length === count;
  });
  return { ...service, rpcs: rpcs as LomsRpcs };
}

/** A call as the platform makes it. @param key its `idempotency-key`. */
export function callOf(key?: string, signal?: AbortSignal): RpcCall {
  return createHandlerContext({
    service: LomsService,
    method: LomsService.method.orderCreate,
    protocolName: "grpc",
    requestMethod: "POST",
    url: "http://127.0.0.1/",
    requestHeader: key === undefined ? {} : { "idempotency-key": key },
    ...(signal ? { requestSignal: signal } : {}),
  });
}
