/** A small service for tests of calls: on its own server, or as a domain of the whole service. */
import { execFile } from "node:child_process";
import { connect as connectHttp2 } from "node:http2";
import { createClient, type ServiceImpl } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { AnyDomain, DomainContext } from "../../../src/contract/domain.ts";
import type { Unready } from "../../../src/contract/part.ts";
import { type RpcClientOptions, served } from "../../../src/contract/rpc.ts";
import { RpcClients } from "../../../src/grpc/client.ts";
import { Health } from "../../../src/grpc/health.ts";
import { Limiter } from "../../../src/grpc/limiter.ts";
import { proceduresOf } from "../../../src/grpc/procedure.ts";
import { addReflection } from "../../../src/grpc/reflection.ts";
import { GrpcServer } from "../../../src/grpc/server.ts";
import { Health as HealthService } from "../../../src/proto/grpc/health/v1/health_pb.ts";
import { createLogger, type Logger } from "../../../src/telemetry/logger.ts";
import type { Tracing } from "../../../src/telemetry/tracing.ts";
import { createMetrics, type Metrics } from "../../../src/watch/metrics.ts";
import { ledger } from "../ledger/index.ts";
import { EchoService } from "./gen/echo/v1/echo_pb.ts";

export type Handlers = ServiceImpl<typeof EchoService>;

/** Default procedures. */
const HANDLERS: Handlers = {
  say: ({ text }) => ({ text }),
  change: ({ name, change }) => (change ? { name, change } : { name }),
  check: ({ userId, count, lines }) => ({ userId, total: BigInt(count), lines }),
  find: (asked) => ({ asked }),
  remove: () => ({}),
};

export type EchoOptions = Readonly<{
  /** By default a free port. */
  port?: number;
  token?: string;
  messageBytesMax?: number;
  unready?: () => readonly Unready[];
  tracing?: Tracing;
  logger?: Logger;
}>;

export type Echo = AsyncDisposable &
  Readonly<{ url: string; port: number; metrics: Metrics; close: () => Promise<void> }>;

/** On its own gRPC server, without a database. */
export async function startEcho(handlers: Partial<Handlers> = {}, options: EchoOptions = {}): Promise<Echo> {
  const { token, messageBytesMax = 1_000_000, unready = () => [], tracing } = options;
  const logger = options.logger ?? createLogger("silent");
  const metrics = createMetrics();
  const health = new Health(new Map([[EchoService.typeName, "echo"]]), unready);
  const server = new GrpcServer({
    procedures: proceduresOf(served(EchoService, { ...HANDLERS, ...handlers }), { metrics, logger, tracing }),
    addOwn: (router) => {
      health.addTo(router);
      addReflection(router, [EchoService, HealthService]);
    },
    onStop: () => health.stop(),
    mayCall: (given) => token === undefined || given === token,
    messageBytesMax,
    metrics,
    logger,
  });
  const port = await server.listen("127.0.0.1", options.port ?? 0);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close();
    return closed;
  };
  return { url: `http://127.0.0.1:${port}`, port, metrics, close, [Symbol.asyncDispose]: close };
}

/** A domain that serves echo, with the ledger's projection. */
export function echoDomain(
  handlers: (context: DomainContext) => Partial<Handlers> = () => ({}),
  onProjected: () => void = () => {},
): AnyDomain {
  return {
    ...ledger,
    open: (context) => ({
      routes: [],
      onProjected,
      rpcs: [served(EchoService, { ...HANDLERS, ...handlers(context) })],
    }),
  };
}

/** A client of the library alone. */
export function plainClient(url: string) {
  const sessionManager = new Http2SessionManager(url);
  const client = createClient(EchoService, createGrpcTransport({ baseUrl: url, sessionManager }));
  return { client, close: () => sessionManager.abort() };
}

/** A client as domains have it. */
export function ownClient(
  url: string,
  options: Omit<RpcClientOptions, "url"> = {},
  database = undefined as never,
) {
  const metrics = createMetrics();
  const clients = new RpcClients(metrics, new Limiter(database));
  return { client: clients.open(EchoService, { url, ...options }), metrics, close: () => clients.close() };
}

/** An empty request on the wire. @returns headers and trailers. */
export async function rawCall(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const session = connectHttp2(url);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc+proto",
    te: "trailers",
    ...headers,
  });
  const answer: Record<string, unknown> = {};
  stream.on("response", (head) => Object.assign(answer, head));
  stream.on("trailers", (trailers) => Object.assign(answer, trailers));
  stream.on("error", () => {}).resume();
  // An uncompressed, empty envelope.
  stream.end(Buffer.alloc(5));
  await new Promise((resolve) => stream.once("close", resolve));
  session.destroy();
  return answer;
}

export type Curled = Readonly<{ status: number; stdout: string; stderr: string }>;

/** A foreign client, which asks the server for its descriptions. */
export function bufCurl(
  url: string,
  method: string,
  data: unknown,
  ...more: readonly string[]
): Promise<Curled> {
  const args = [
    "curl",
    "--protocol",
    "grpc",
    "--http2-prior-knowledge",
    ...more,
    "-d",
    JSON.stringify(data),
    `${url}/${method}`,
  ];
  return buf(args);
}

export function buf(args: readonly string[], cwd = "."): Promise<Curled> {
  return new Promise((resolve) => {
    execFile(BUF, args, { cwd, encoding: "utf8" }, (error, stdout, stderr) =>
      resolve({ status: typeof error?.code === "number" ? error.code : error ? 1 : 0, stdout, stderr }),
    );
  });
}

const BUF = `${process.cwd()}/node_modules/.bin/buf`;
