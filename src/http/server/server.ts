/**
 * The HTTP server. A request enters, is matched, checked for access and answered by its route; an error that a
 * route throws becomes a problem document. Every answer carries a request id and the security headers, and is
 * measured.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import polka from "polka";
import { CallFailedError, InvalidInputError } from "../../contract/errors.ts";
import type { Request, Route } from "../../contract/route.ts";
import { checkNames } from "../../contract/values/parameters.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Tracing } from "../../telemetry/tracing.ts";
import type { Metrics } from "../../watch/metrics.ts";
import { checkAccess, type Door } from "./access.ts";
import { discardRest } from "./discard.ts";
import { NoRouteError, problemOf, sendProblem } from "./problem.ts";
import { Response } from "./response.ts";
import { checkHostHeader, normaliseTarget } from "./target.ts";

export type HttpServerOptions = Readonly<{
  routes: readonly Route[];
  door: Door;
  logger: Logger;
  metrics: Metrics;
  tracing?: Tracing | undefined;
  /** How long an idle connection stays open. */
  keepAliveSeconds: number;
}>;

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer({
      ServerResponse: Response as unknown as typeof ServerResponse,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: options.keepAliveSeconds * 1000,
    });
    const apps = new Map<string, ReturnType<typeof polka>>();
    for (const route of options.routes) {
      const group = groupOf(route.path);
      const app = apps.get(group) ?? this.#createApp();
      apps.set(group, app);
      const known = parametersOf(route);
      app.add(route.method, route.path, (request, response) =>
        this.#answer(route, known, request as unknown as Request, response),
      );
    }
    const others = this.#createApp();
    // Straight to the handler: polka's own `attach` adds a turn of the event loop to every request.
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      normaliseTarget(request);
      // Routes do not tell capitals from small letters.
      const group = groupOf(request.url as string);
      const app = apps.get(group) ?? apps.get(group.toLowerCase()) ?? others;
      app.handler(request as never, response, undefined as never);
    };
    this.#server.on("request", options.tracing?.traceRequests(handle) ?? handle);
  }

  /** polka tries every route of an app for each request; so each group of routes has an app of its own. */
  #createApp(): ReturnType<typeof polka> {
    const app = polka({
      server: this.#server,
      onError: (error, request, response) => {
        this.#fail(request as unknown as Request, response, "", error);
      },
      onNoMatch: (request, response) => {
        const allowed = METHODS.filter((method) => app.find(method, request.path).handlers.length > 0);
        // Where GET is answered, so is HEAD.
        if (allowed.includes("GET")) allowed.push("HEAD");
        this.#fail(request as unknown as Request, response, "", new NoRouteError(allowed));
      },
    });
    return app;
  }

  /** @returns the port that was bound. @throws where the address cannot be had. */
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

  /** Takes no new connection, lets requests in flight finish for a moment, then closes what is left. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  /** @param known the parameters that the address may have; undefined if it may have any. */
  #answer(
    route: Route,
    known: readonly string[] | undefined,
    request: Request,
    response: ServerResponse,
  ): void {
    const started = performance.now();
    try {
      checkHostHeader(request);
      if (request.path.includes("%")) checkEncoding(request.path);
      const { door, tracing } = this.#options;
      tracing?.setRoute(request as unknown as IncomingMessage, route.path);
      const checking = checkAccess(request, route, door);
      const handle = () => {
        if (known) checkNames(request.query, known);
        return route.handle(request, response);
      };
      const answering = checking ? checking.then(handle) : handle();
      if (answering) {
        answering.then(
          () => this.#measure(route, request, statusOf(response), started),
          (error: unknown) => {
            this.#measure(route, request, this.#fail(request, response, route.path, error), started);
          },
        );
        return;
      }
      this.#measure(route, request, statusOf(response), started);
    } catch (error) {
      this.#measure(route, request, this.#fail(request, response, route.path, error), started);
    }
  }

  /** @returns the status for the metrics. */
  #fail(request: Request, response: ServerResponse, route: string, error: unknown): number {
    if (isOfLostClient(request, response, error)) {
      this.#options.logger.debug({ route }, "a client went away before it was answered");
      return CLIENT_GONE;
    }
    const problem = problemOf(error);
    // The procedure has logged what failed there.
    if (problem.status === 500 && !(error instanceof CallFailedError)) {
      const { requestId } = response as Response;
      this.#options.logger.error({ err: error, route, requestId }, "a request failed");
    }
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem);
    discardRest(request);
    return problem.status;
  }

  #measure(route: Route, request: Request, status: number, started: number): void {
    const seconds = (performance.now() - started) / 1000;
    this.#options.metrics.requestTimes.observe(request.method as string, route.path, status, seconds);
  }
}

/** A slip of the pen must not mean "all": an address has the parameters that its description names. Pages ignore others. */
function parametersOf({ kind, operation, otherParameters = [] }: Route): readonly string[] | undefined {
  if (kind !== undefined) return undefined;
  const described = (operation.parameters ?? []).filter((one) => one.in === "query");
  return [...described.map(({ name }) => name), ...otherParameters];
}

/** An answer that nobody is there to get counts as that, whatever it would have been. */
function statusOf(response: ServerResponse): number {
  return response.destroyed && !response.writableFinished ? CLIENT_GONE : response.statusCode;
}

/** Whether an error comes from the end of the connection alone. Any other error is one of the service, heard or not. */
function isOfLostClient(request: IncomingMessage, response: ServerResponse, error: unknown): boolean {
  if (!response.destroyed && request.errored === null) return false;
  if (error === request.errored) return true;
  const { name, code } = error as NodeJS.ErrnoException;
  return name === "AbortError" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

/** The first segment of an address, which no route leaves open. */
function groupOf(address: string): string {
  let end = 1;
  while (end < address.length && address[end] !== "/" && address[end] !== "?") end++;
  return address.slice(0, end);
}

/** A segment that is not percent-encoded UTF-8 can name nothing. */
function checkEncoding(path: string): void {
  try {
    decodeURIComponent(path);
  } catch {
    throw new InvalidInputError("path", "the address is not properly percent-encoded");
  }
}

/** As nginx calls it; no client ever sees it. */
const CLIENT_GONE = 499;
const METHODS: (Route["method"] | "HEAD")[] = ["GET", "POST", "DELETE"];
const REQUEST_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 2_000;
const LISTEN_BACKLOG = 1_024;
