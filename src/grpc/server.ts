/**
 * The gRPC server, over HTTP/2 without TLS; it also answers the Connect protocol. It checks the token of a call before it
 * reads the body, then the procedure answers. Bytes that are not HTTP/2 end only their connection.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  type HandlerContext,
} from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../watch/metrics.ts";
import { callOf } from "./call.ts";
import { boundDeadline, boundStream } from "./deadline.ts";
import type { Procedure } from "./procedure.ts";
import { nameOf } from "./status.ts";

export type GrpcServerOptions = Readonly<{
  procedures: readonly Procedure[];
  /** Adds health and reflection, which need no token. */
  addOwn: (router: ConnectRouter) => void;
  /** Called before `close` waits for calls in flight. */
  onStop: () => void;
  mayCall: (token: string | undefined) => boolean;
  messageBytesMax: number;
  metrics: Metrics;
  logger: Logger;
}>;

export class GrpcServer {
  readonly #server: Http2Server;
  readonly #options: GrpcServerOptions;
  readonly #handlers: ReadonlyMap<string, ConnectRouter["handlers"][number]>;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#handlers = new Map(this.#route().handlers.map((handler) => [handler.requestPath, handler]));
    this.#server = createServer({
      settings: { maxConcurrentStreams: STREAMS_MAX },
      maxSessionMemory: SESSION_MEGABYTES_MAX,
    });
    this.#server.on("connection", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    this.#server.on("session", (session) => this.#watch(session));
    this.#server.on("sessionError", ({ message }) =>
      options.logger.debug({ error: message }, "a gRPC connection failed"),
    );
    this.#server.on("request", (request, response) => this.#answer(request, response));
  }

  /** @returns the bound port. @throws if the address cannot be bound. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, LISTEN_BACKLOG, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Refuses new calls, and ends calls in flight after DRAIN_TIMEOUT_MS. */
  async close(): Promise<void> {
    this.#options.onStop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.#sessions) session.close();
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, DRAIN_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  #route(): ConnectRouter {
    const { procedures, addOwn, messageBytesMax } = this.#options;
    const router = createConnectRouter({
      grpcWeb: false,
      readMaxBytes: messageBytesMax,
      acceptCompression: [compressionGzip],
    });
    const requestGate = (context: HandlerContext) => this.#checkToken(context);
    for (const { method, answer } of procedures) router.rpc(method, answer, { requestGate });
    addOwn(router);
    return router;
  }

  #checkToken(context: HandlerContext): void {
    const { mayCall, metrics } = this.#options;
    const { authorization = "", requestId } = callOf(context);
    const given = /^Bearer (.+)$/i.exec(authorization)?.[1];
    if (mayCall(given)) return;
    const { service, method, responseHeader } = context;
    const labels = { service: service.typeName, method: method.name };
    metrics.grpcServerSeconds.observe({ ...labels, code: nameOf(Code.Unauthenticated) }, 0);
    responseHeader.set("x-request-id", requestId);
    throw new ConnectError("a valid token is needed: authorization: Bearer <token>", Code.Unauthenticated);
  }

  #answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { logger } = this.#options;
    const handler = this.#handlers.get((request.url ?? "").split("?", 1)[0] as string);
    if (!handler) {
      refuse(request, response);
      return;
    }
    // The deadline of the library does not end a request without a body, or an answer that the caller does not read.
    if (handler.method.methodKind === "unary") {
      const endsMs = boundDeadline(request.headers) + GRACE_MS;
      const timer = setTimeout(() => request.stream.close(constants.NGHTTP2_CANCEL), endsMs);
      request.stream.once("close", () => clearTimeout(timer));
    } else boundStream(request.headers);
    this.#handle(handler, request, response).catch((error: unknown) => {
      if (request.stream.closed || request.stream.destroyed) return;
      // Not the URL: a Connect GET has the request in it.
      logger.error({ err: error, procedure: handler.requestPath }, "a call could not be answered");
      request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  }

  async #handle(
    handler: ConnectRouter["handlers"][number],
    request: Http2ServerRequest,
    response: Http2ServerResponse,
  ): Promise<void> {
    if (!isAuthority(request.authority)) {
      response.writeHead(400);
      response.end();
      return;
    }
    const answered = await handler(universalRequestFromNodeRequest(request, response, undefined, undefined));
    await universalResponseToNodeResponse(answered, response);
  }

  #watch(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.setTimeout(IDLE_MS, () => session.close());
  }
}

/** Answers a call of an unknown procedure, in its own protocol. */
function refuse(request: Http2ServerRequest, response: Http2ServerResponse): void {
  if (request.headers["content-type"]?.startsWith("application/grpc")) {
    response.writeHead(200, {
      "content-type": "application/grpc",
      "grpc-status": String(Code.Unimplemented),
      "grpc-message": "there is no such procedure",
    });
  } else response.writeHead(404);
  response.end();
}

/** The library throws on an authority that is not part of a valid URL. */
function isAuthority(authority: string | undefined): boolean {
  return authority !== undefined && URL.canParse(`http://${authority}`);
}

/**
 * Size limit of a request, over gRPC and HTTP. An order of a thousand items takes 80 KiB in the widest JSON, and a megabyte
 * of empty items held the event loop for 160 to 300 ms.
 */
export const CALL_BYTES_MAX = 128 * 1024;

/** Calls in flight per connection: enough for a caller under load. */
const STREAMS_MAX = 1_000;
/** Memory per connection; calls beyond it are refused. */
const SESSION_MEGABYTES_MAX = 64;
/** Idle connections are closed after this; clients reconnect. */
const IDLE_MS = 15 * 60_000;
/** Interval of TCP keep-alive probes. */
const KEEP_ALIVE_MS = 60_000;
/** Enough to answer DEADLINE_EXCEEDED. */
const GRACE_MS = 2_000;
/** As in the HTTP server. */
const DRAIN_TIMEOUT_MS = 2_000;
/** As in the HTTP server. */
const LISTEN_BACKLOG = 1_024;
