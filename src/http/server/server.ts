/**
 * The HTTP server: matches a request to a route, checks access, answers and measures. An error that a route
 * throws becomes a problem document. A request that lost its client counts as 499.
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
import { type AccessGuards, checkAccess } from "./access.ts";
import { type Answer, DirectRoutes } from "./direct-routes.ts";
import { discardRest } from "./discard.ts";
import { NoRouteError, problemOf, sendProblem } from "./problem.ts";
import { Response } from "./response.ts";
import { checkHostHeader, normaliseTarget } from "./target.ts";

export type HttpServerOptions = Readonly<{
  routes: readonly Route[];
  guards: AccessGuards;
  logger: Logger;
  metrics: Metrics;
  tracing?: Tracing | undefined;
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
    const direct = new DirectRoutes();
    for (const route of options.routes) {
      const group = groupOf(route.path);
      const app = apps.get(group) ?? this.#createApp();
      apps.set(group, app);
      const known = parametersOf(route);
      const answer: Answer = (request, response) => this.#answer(route, known, request, response);
      app.add(route.method, route.path, answer as never);
      if (route.isDirect) direct.add(route, answer);
    }
    const others = this.#createApp();
    // polka's `attach` would add a turn of the event loop to every request.
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      normaliseTarget(request);
      if (direct.answer(request, response)) return;
      // As in the routes, case does not matter.
      const group = groupOf(request.url as string);
      const app = apps.get(group) ?? apps.get(group.toLowerCase()) ?? others;
      app.handler(request as never, response, undefined as never);
    };
    this.#server.on("request", options.tracing?.traceRequests(handle) ?? handle);
  }

  /** polka tries every route of an app, so each first path segment has its own. */
  #createApp(): ReturnType<typeof polka> {
    const app = polka({
      server: this.#server,
      onError: (error, request, response) => {
        this.#fail(request as unknown as Request, response, "", error);
      },
      onNoMatch: (request, response) => {
        const allowed = METHODS.filter((method) => app.find(method, request.path).handlers.length > 0);
        if (allowed.includes("GET")) allowed.push("HEAD");
        this.#fail(request as unknown as Request, response, "", new NoRouteError(allowed));
      },
    });
    return app;
  }

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

  /** Requests in flight get two seconds. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
  }

  /** @param known allowed query parameters; undefined allows all. */
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
      const { guards, tracing } = this.#options;
      tracing?.setRoute(request as unknown as IncomingMessage, route.path);
      const checking = checkAccess(request, route, guards);
      const answering = checking
        ? checking.then(() => callRoute(route, known, request, response))
        : callRoute(route, known, request, response);
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

  #fail(request: Request, response: ServerResponse, route: string, error: unknown): number {
    if (isOfLostClient(request, response, error)) {
      this.#options.logger.debug({ route }, "client disconnected before it was answered");
      return CLIENT_GONE;
    }
    const problem = problemOf(error);
    if (problem.status === 500 && !(error instanceof CallFailedError)) {
      const { requestId } = response as Response;
      this.#options.logger.error({ err: error, route, requestId }, "request failed");
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

function callRoute(
  route: Route,
  known: readonly string[] | undefined,
  request: Request,
  response: ServerResponse,
): void | Promise<void> {
  if (known) checkNames(request.query, known);
  return route.handle(request, response);
}

/** A misspelt filter must not select everything, so routes, except pages, refuse unknown parameters. */
function parametersOf({ kind, operation, otherParameters = [] }: Route): readonly string[] | undefined {
  if (kind !== undefined) return undefined;
  const described = (operation.parameters ?? []).filter((parameter) => parameter.in === "query");
  return [...described.map(({ name }) => name), ...otherParameters];
}

function statusOf(response: ServerResponse): number {
  return response.destroyed && !response.writableFinished ? CLIENT_GONE : response.statusCode;
}

/** Whether the disconnect itself is the error; any other is the service's. */
function isOfLostClient(request: IncomingMessage, response: ServerResponse, error: unknown): boolean {
  if (!response.destroyed && request.errored === null) return false;
  if (error === request.errored) return true;
  const { name, code } = error as NodeJS.ErrnoException;
  return name === "AbortError" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

function groupOf(address: string): string {
  let end = 1;
  while (end < address.length && address[end] !== "/" && address[end] !== "?") end++;
  return address.slice(0, end);
}

function checkEncoding(path: string): void {
  try {
    decodeURIComponent(path);
  } catch {
    throw new InvalidInputError("path", "the path is not valid percent-encoded UTF-8");
  }
}

/** nginx's status for a disconnected client; only metrics show it. */
const CLIENT_GONE = 499;
const METHODS: (Route["method"] | "HEAD")[] = ["GET", "POST", "DELETE"];
const REQUEST_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 2_000;
const LISTEN_BACKLOG = 1_024;
