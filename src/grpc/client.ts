/**
 * Clients of other services. A call made within another call inherits its deadline and cancellation. Reads are retried if
 * the other service is unavailable or busy; writes are not, because the first attempt may have taken effect.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DescMessage, DescMethodUnary, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { context as contexts, SpanKind, trace } from "@opentelemetry/api";
import { DeadlineError, UnavailableError, UpstreamError } from "../contract/errors.ts";
import type { RpcClientOptions } from "../contract/rpc.ts";
import { backoffMilliseconds } from "../database/backoff.ts";
import { isSampledContext, traceparentOf } from "../telemetry/trace-context.ts";
import type { Metrics } from "../watch/metrics.ts";
import { currentCall } from "./call.ts";
import { DEADLINE_DEFAULT_MS } from "./deadline.ts";
import type { Limiter } from "./limiter.ts";
import { endSpan, spanAttributes, spanName } from "./span.ts";
import { nameOf, OK } from "./status.ts";
import { upstreamErrorOf } from "./upstream.ts";

export class RpcClients {
  readonly #metrics: Metrics;
  readonly #limiter: Limiter;
  readonly #connections = new Map<string, Http2SessionManager>();

  constructor(metrics: Metrics, limiter: Limiter) {
    this.#metrics = metrics;
    this.#limiter = limiter;
  }

  open<Service extends DescService>(service: Service, options: RpcClientOptions): Client<Service> {
    const sessionManager =
      this.#connections.get(options.url) ?? new Http2SessionManager(options.url, CONNECTION);
    this.#connections.set(options.url, sessionManager);
    const transport = createGrpcTransport({ baseUrl: options.url, sessionManager });
    return createClient(service, callingTransport(transport, options, this.#metrics, this.#limiter));
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.abort();
  }
}

function callingTransport(
  transport: Transport,
  { url, token, isDetached = false, limit }: RpcClientOptions,
  metrics: Metrics,
  limiter: Limiter,
): Transport {
  const { hostname, port } = new URL(url);
  const address = { "server.address": hostname, "server.port": Number(port || 80) };

  /** One attempt. */
  async function send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    deadlineAt: number,
    header: Headers,
    message: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    const begun = performance.now();
    const timeoutMs = Math.floor(deadlineAt - begun);
    if (timeoutMs < 1) throw timeIsOver(method);
    const parent = contexts.active();
    const span = isSampledContext(parent)
      ? trace
          .getTracer("waybill")
          .startSpan(
            spanName(method),
            { kind: SpanKind.CLIENT, attributes: { ...spanAttributes(method), ...address } },
            parent,
          )
      : undefined;
    const traceparent = span && traceparentOf(trace.setSpan(parent, span));
    if (traceparent !== undefined) header.set("traceparent", traceparent);
    let code = OK;
    try {
      return await transport.unary(method, signal, timeoutMs, header, message);
    } catch (error) {
      code = ConnectError.from(error, Code.Internal).code;
      throw upstreamErrorOf(error, method.parent.typeName);
    } finally {
      const labels = { service: method.parent.typeName, method: method.name, code: nameOf(code) };
      metrics.grpcClientSeconds.observe(labels, (performance.now() - begun) / 1000);
      endSpan(span, code, code !== OK);
    }
  }

  return {
    async unary(method, givenSignal, timeoutMs, givenHeader, message) {
      const call = isDetached ? undefined : currentCall();
      const ownDeadlineAt = performance.now() + (timeoutMs ?? DEADLINE_DEFAULT_MS);
      const deadlineAt = Math.min(ownDeadlineAt, call?.deadlineAt ?? Number.POSITIVE_INFINITY);
      const signals = [givenSignal, call?.signal].filter((signal) => signal !== undefined);
      const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
      const header = new Headers(givenHeader);
      const authorization = call ? call.authorization : token && `Bearer ${token}`;
      if (authorization && !header.has("authorization")) header.set("authorization", authorization);
      if (call) header.set("x-request-id", call.requestId);
      if (call?.traceparent !== undefined) header.set("traceparent", call.traceparent);

      for (let attempt = 1; ; attempt++) {
        if (signal?.aborted) throw hasEnded();
        if (performance.now() >= deadlineAt) throw timeIsOver(method);
        if (limit) await limiter.wait(limit, deadlineAt, signal);
        try {
          return await send(method, signal, deadlineAt, header, message);
        } catch (error) {
          const pauseMs = backoffMilliseconds(attempt);
          const isLast = attempt === ATTEMPTS_MAX || performance.now() + pauseMs >= deadlineAt;
          if (isLast || signal?.aborted || !isReading(method) || !isPassing(error)) throw error;
          await delay(pauseMs, undefined, { signal }).catch(() => {});
        }
      }
    },
    stream: () => Promise.reject(new Error("streams are not called")),
  };
}

function isReading({ idempotency }: DescMethodUnary): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** Whether a retry may succeed. */
function isPassing(error: unknown): boolean {
  if (error instanceof DeadlineError) return false;
  return (
    error instanceof UnavailableError ||
    (error instanceof UpstreamError && error.status === nameOf(Code.ResourceExhausted))
  );
}

function timeIsOver({ parent }: DescMethodUnary): DeadlineError {
  return new DeadlineError(`there was no time left to call ${parent.typeName}`);
}

function hasEnded(): UnavailableError {
  return new UnavailableError("the call has ended before another one was made for it", 1);
}

/** More would load a busy service further. */
const ATTEMPTS_MAX = 3;

/** Bounds on how long a dead peer stays unnoticed. */
const CONNECTION = { connectTimeoutMs: 5_000, pingIntervalMs: 20_000, pingTimeoutMs: 5_000 };
