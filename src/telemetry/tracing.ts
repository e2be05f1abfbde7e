/**
 * OpenTelemetry: ids, sampling, export and instrumentation of libraries. message-traces.ts makes the spans of messages.
 * Not loaded if OTEL_TRACES_EXPORTER turns tracing off.
 */
import { EventEmitter } from "node:events";
import { type IncomingMessage, type RequestListener, Server } from "node:http";
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Attributes,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { getRPCMetadata, W3CTraceContextPropagator } from "@opentelemetry/core";
import { JaegerExporter } from "@opentelemetry/exporter-jaeger";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { PgInstrumentation } from "@opentelemetry/instrumentation-pg";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  type IdGenerator,
  NodeTracerProvider,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-node";
import { ATTR_CLIENT_ADDRESS, ATTR_NETWORK_PEER_ADDRESS } from "@opentelemetry/semantic-conventions";
import type { SamplerName, TracingConfig } from "../config/config.ts";
import { Delivery } from "./delivery.ts";
import type { Logger } from "./logger.ts";
import { contextOf, isSampledContext } from "./trace-context.ts";
import type { DerivedIds } from "./trace-ids.ts";
import { TraceLimit } from "./trace-limit.ts";

export class Tracing implements AsyncDisposable {
  readonly tracer: Tracer;
  readonly perSecondMax: number;
  readonly #provider: NodeTracerProvider;
  readonly #delivery: Delivery;
  readonly #ids = new ChosenIds();
  readonly #sampler: Sampler;
  /** Requests that continue a trace do not count. */
  readonly #limit: TraceLimit;
  readonly #requests = new WeakSet<IncomingMessage>();

  /** @param exporter by default the configured one. */
  constructor(
    { exporter: named, sampler, ratio, perSecondMax }: TracingConfig,
    serviceName: string,
    logger?: Logger,
    exporter: SpanExporter = named === "jaeger" ? new JaegerExporter() : new OTLPTraceExporter(),
  ) {
    this.#delivery = new Delivery(exporter, logger);
    this.perSecondMax = perSecondMax;
    this.#limit = new TraceLimit(perSecondMax);
    this.#sampler = new LinkedSampler(samplerOf(sampler, ratio));
    const resource = defaultResource().merge(resourceFromAttributes({ "service.name": serviceName }));
    this.#provider = new NodeTracerProvider({
      resource: resource.merge(detectResources({ detectors: [envDetector] })),
      sampler: this.#sampler,
      idGenerator: this.#ids,
      spanProcessors: [new BatchSpanProcessor(this.#delivery)],
    });
    this.#provider.register({ propagator: new W3CTraceContextPropagator() });
    this.tracer = this.#provider.getTracer("waybill");
  }

  /** Depends on the id only. */
  isSampled(traceId: string): boolean {
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId, "", SpanKind.INTERNAL, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  }

  /** If a span id is given too, `work` may begin one span only. */
  withIds<T>(ids: DerivedIds | Pick<DerivedIds, "traceId">, work: () => T): T {
    this.#ids.next = ids;
    try {
      return work();
    } finally {
      this.#ids.next = undefined;
    }
  }

  /** Statements outside of a sampled span cost next to nothing. */
  instrumentDatabase(): void {
    const instrumentation = new PgInstrumentation({ requireParentSpan: true });
    instrumentation.setTracerProvider(this.#provider);
    // The instrumentation patches modules loaded by `require`; their classes are those of `import` too.
    require("pg");
  }

  /**
   * HttpInstrumentation patches `Server.prototype.emit` and slows every request down, sampled or not. Therefore the
   * original `emit` is restored, and only sampled requests pass through the patched one.
   */
  traceRequests(handle: RequestListener): RequestListener {
    const emit = Server.prototype.emit;
    const instrumentation = new HttpInstrumentation({
      disableOutgoingRequestInstrumentation: true,
      // Search text and client addresses may be personal.
      redactedQueryParams: ["q"],
      startIncomingSpanHook: () => ({
        [ATTR_CLIENT_ADDRESS]: undefined,
        [ATTR_NETWORK_PEER_ADDRESS]: undefined,
      }),
    } as ConstructorParameters<typeof HttpInstrumentation>[0]);
    instrumentation.setTracerProvider(this.#provider);
    require("node:http");
    const traced = Server.prototype.emit as (...args: unknown[]) => boolean;
    Server.prototype.emit = emit;
    const server = new EventEmitter().on("request", handle);
    return (request, response) => {
      const isTraced = !UNTRACED.test(request.url ?? "");
      const ids = isTraced ? this.#idsFor(request.headers.traceparent) : undefined;
      if (!ids) return handle(request, response);
      this.#requests.add(request);
      this.withIds(ids, () => traced.call(server, "request", request, response));
    };
  }

  /**
   * Below the active span, below the caller's span, or as a new trace.
   * @returns undefined if the call is not sampled.
   */
  beginCall(name: string, traceparent: string | undefined, attributes: Attributes): Span | undefined {
    const active = context.active();
    if (isSampledContext(active)) return this.tracer.startSpan(name, { attributes }, active);
    const ids = this.#idsFor(traceparent);
    if (!ids) return undefined;
    const parent = (traceparent === undefined ? undefined : contextOf(traceparent)) ?? ROOT_CONTEXT;
    return this.withIds(ids, () =>
      this.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent),
    );
  }

  setRoute(request: IncomingMessage, route: string): void {
    if (!this.#requests.has(request)) return;
    const metadata = getRPCMetadata(context.active());
    if (metadata) metadata.route = route;
  }

  get droppedSpans(): number {
    return this.#delivery.dropped;
  }

  flush(): Promise<void> {
    return this.#provider.forceFlush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new AbortController();
    const sent = this.#provider.shutdown().catch(() => {});
    await Promise.race([sent, delay(FLUSH_MS, undefined, { signal: ended.signal }).catch(() => {})]);
    ended.abort();
  }

  /** @returns undefined if the request is not sampled. */
  #idsFor(traceparent: unknown): Pick<DerivedIds, "traceId"> | undefined {
    const parent = typeof traceparent === "string" ? contextOf(traceparent) : undefined;
    if (parent) return isSampledContext(parent) ? { traceId: "" } : undefined;
    if (!this.#limit.hasRoom()) return undefined;
    const traceId = this.#ids.generateTraceId();
    if (!this.isSampled(traceId)) return undefined;
    this.#limit.take();
    return { traceId };
  }
}

class ChosenIds implements IdGenerator {
  next: Partial<DerivedIds> | undefined;
  readonly #random = new RandomIdGenerator();

  generateTraceId = (): string => this.next?.traceId || this.#random.generateTraceId();

  generateSpanId = (): string => this.next?.spanId ?? this.#random.generateSpanId();
}

/** Samples spans with a sampled link, such as the batch of a sampled message; otherwise asks the other sampler. */
class LinkedSampler implements Sampler {
  readonly #fallback: Sampler;

  constructor(fallback: Sampler) {
    this.#fallback = fallback;
  }

  shouldSample(...args: Parameters<Sampler["shouldSample"]>): SamplingResult {
    const links = args[5];
    const isLinked = links.some(({ context: { traceFlags } }) => (traceFlags & TraceFlags.SAMPLED) !== 0);
    return isLinked
      ? { decision: SamplingDecision.RECORD_AND_SAMPLED }
      : this.#fallback.shouldSample(...args);
  }

  toString(): string {
    return `LinkedSampler{${this.#fallback.toString()}}`;
  }
}

function samplerOf(name: SamplerName, ratio: number): Sampler {
  if (name === "always_off") return new AlwaysOffSampler();
  if (name === "always_on") return new AlwaysOnSampler();
  if (name === "traceidratio") return new TraceIdRatioBasedSampler(ratio);
  const root = name.slice("parentbased_".length) as SamplerName;
  return new ParentBasedSampler({ root: samplerOf(root, ratio) });
}

const require = createRequire(import.meta.url);

/** Leaves time for the rest of the shutdown if the collector is unreachable. */
const FLUSH_MS = 2_000;

/** Requests that machines repeat every few seconds, and streams that never end. */
const UNTRACED = /^\/(metrics|healthz|readyz|events)\b/;
