/**
 * OpenTelemetry, switched on by OTEL_TRACES_EXPORTER: who makes ids, which traces are sampled, where spans go, and which
 * libraries are instrumented. What spans a message gets stands in message-traces.ts. Switched off, nothing of this runs.
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
  /** Requests that come with a trace of their own are not counted. */
  readonly #limit: TraceLimit;
  /** Those that have a span. */
  readonly #requests = new WeakSet<IncomingMessage>();

  /**
   * @param serviceName where OTEL_SERVICE_NAME does not say otherwise.
   * @param exporter what sends spans; by default the one that the configuration names.
   */
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

  /** Whether a trace that begins here is sampled; the same answer for the same id wherever it is asked. */
  isSampled(traceId: string): boolean {
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId, "", SpanKind.INTERNAL, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  }

  /** Does `work`, which begins a trace, with this id; where the span's is given too, it begins that one span alone. */
  withIds<T>(ids: DerivedIds | Pick<DerivedIds, "traceId">, work: () => T): T {
    this.#ids.next = ids;
    try {
      return work();
    } finally {
      this.#ids.next = undefined;
    }
  }

  /** Statements within a sampled span get spans of their own; all others cost next to nothing. */
  instrumentDatabase(): void {
    const instrumentation = new PgInstrumentation({ requireParentSpan: true });
    instrumentation.setTracerProvider(this.#provider);
    // The instrumentation sees modules as `require` gives them, and changes the classes that `import` gives too.
    require("pg");
  }

  /**
   * Gives the requests that are sampled a span, by the kept instrumentation. By itself it touches every request and
   * rewires its emitters, sampled or not, which an answer from memory would feel. So requests go through what it has made
   * of a server's `emit` only where they are sampled, and the server itself stays as it is.
   */
  traceRequests(handle: RequestListener): RequestListener {
    const emit = Server.prototype.emit;
    const instrumentation = new HttpInstrumentation({
      disableOutgoingRequestInstrumentation: true,
      // The text that is looked for in payloads may be personal, and so are addresses.
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
   * Begins the span of a call that came in: below the span of the request that carried it, below the one that the caller
   * names, or a trace of its own.
   * @returns undefined if it is not sampled.
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

  /** Names the span of a request, where it has one. */
  setRoute(request: IncomingMessage, route: string): void {
    if (!this.#requests.has(request)) return;
    const metadata = getRPCMetadata(context.active());
    if (metadata) metadata.route = route;
  }

  /** Spans that were not delivered. */
  get droppedSpans(): number {
    return this.#delivery.dropped;
  }

  /** Sends what is not sent yet. */
  flush(): Promise<void> {
    return this.#provider.forceFlush();
  }

  /** Sends what is not sent yet, if a collector takes it soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new AbortController();
    const sent = this.#provider.shutdown().catch(() => {});
    await Promise.race([sent, delay(FLUSH_MS, undefined, { signal: ended.signal }).catch(() => {})]);
    ended.abort();
  }

  /** The trace that a request begins or goes on with; undefined where that is not sampled. */
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

/** Random ids, unless they were chosen. */
class ChosenIds implements IdGenerator {
  next: Partial<DerivedIds> | undefined;
  readonly #random = new RandomIdGenerator();

  generateTraceId = (): string => this.next?.traceId || this.#random.generateTraceId();

  generateSpanId = (): string => this.next?.spanId ?? this.#random.generateSpanId();
}

/** Samples what is linked with something sampled, such as the batch of a sampled message; else as another one does. */
class LinkedSampler implements Sampler {
  readonly #other: Sampler;

  constructor(other: Sampler) {
    this.#other = other;
  }

  shouldSample(...args: Parameters<Sampler["shouldSample"]>): SamplingResult {
    const links = args[5];
    const isLinked = links.some(({ context: { traceFlags } }) => (traceFlags & TraceFlags.SAMPLED) !== 0);
    return isLinked ? { decision: SamplingDecision.RECORD_AND_SAMPLED } : this.#other.shouldSample(...args);
  }

  toString(): string {
    return `LinkedSampler{${this.#other.toString()}}`;
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

/** A collector that is away must not use up the time in which a process has to stop. */
const FLUSH_MS = 2_000;

/** Asked every few seconds by machines, or never ending. */
const UNTRACED = /^\/(metrics|healthz|readyz|events)\b/;
