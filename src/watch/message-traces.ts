/**
 * The spans of messages. A message's trace: `publish` (by its publisher) → `receive` → `append`, `project`; if it is dead,
 * → `redrive` → `append`, `project` of the redrive. The inbox stores the `traceparent` between hops. An
 * event carries it too: `send` by its relay, then `receive` in the service that consumes it.
 *
 * A batch works for many messages, so it has a separate trace: `append batch`, `wake up`, `project batch`, with the
 * database statements; it is linked with its messages' spans. Batches without a sampled message are not traced.
 *
 * Spans contain positions, outcomes and codes, never payload data.
 */
import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Outcome } from "../contract/domain.ts";
import type { InboxRow, Message, Receipt } from "../contract/message.ts";
import type { Sink } from "../contract/source.ts";
import type { Appended } from "../inbox/append.ts";
import type { WaitingEvent } from "../outbox/outbox-table.ts";
import type { ProjectedBatch } from "../projector/project.ts";
import { contextOf, isSampledContext, traceparentOf, withoutSampling } from "../telemetry/trace-context.ts";
import { idsOf } from "../telemetry/trace-ids.ts";
import type { TraceLimit } from "../telemetry/trace-limit.ts";
import type { Tracing } from "../telemetry/tracing.ts";

export class MessageTraces {
  readonly #tracing: Tracing;
  readonly #limit: TraceLimit;
  /** The last batch that woke the projector. */
  #waking: Context | undefined;

  /** @param limit shared by all domains of the process. */
  constructor(tracing: Tracing, limit: TraceLimit) {
    this.#tracing = tracing;
    this.#limit = limit;
  }

  /** The span `receive` lasts until the commit. */
  sink(inbox: Sink): Sink {
    return {
      get failure() {
        return inbox.failure;
      },
      hasRoomFor: (message) => inbox.hasRoomFor(message),
      settled: (source, seconds) => inbox.settled(source, seconds),
      offer: (message, committed) => {
        const parent = this.#parentOf(message);
        if (!parent) return inbox.offer(unsampled(message), committed);
        const { source, channel } = message;
        const span = this.#start("receive", SpanKind.CONSUMER, parent, {
          "messaging.system": source,
          "messaging.destination.name": channel,
          "messaging.message.body.size": message.payload.length,
        });
        const traceparent = traceparentOf(trace.setSpan(parent, span));
        const isTaken = inbox.offer(traceparent ? { ...message, traceparent } : message, (receipt) => {
          span.setAttributes({
            "waybill.position": String(receipt.position),
            "waybill.is_new": receipt.isNew,
          });
          committed(receipt);
          span.end();
        });
        if (!isTaken) span.addEvent("rejected: the inbox is full").end();
        return isTaken;
      },
    };
  }

  /** The span `append batch`, if a message is sampled. */
  async append(messages: readonly Message[], append: () => Promise<Appended>): Promise<Appended> {
    const sampled: { parent: Context; index: number }[] = [];
    for (const [index, { traceparent }] of messages.entries()) {
      const parent = traceparent === undefined ? undefined : contextOf(traceparent);
      if (parent && isSampledContext(parent)) sampled.push({ parent, index });
    }
    // Not in the context of the request that started the loop.
    if (sampled.length === 0) return await context.with(ROOT_CONTEXT, append);
    const begun = Date.now();
    const parents = sampled.map(({ parent }) => parent);
    const batch = this.#startBatch("append batch", ROOT_CONTEXT, parents, messages.length);
    try {
      const appended = await context.with(batch, append);
      for (const { parent, index } of sampled) {
        const { position } = appended.receipts[index] as Receipt;
        const attributes = { "waybill.position": String(position) };
        this.#startLinked("append", parent, batch, begun, attributes).end();
      }
      this.#waking = batch;
      return appended;
    } catch (error) {
      failed(trace.getSpan(batch), error);
      throw error;
    } finally {
      trace.getSpan(batch)?.end();
    }
  }

  /** The worker continues the trace of the batch that enqueued the job. */
  traceparentOfJob(): string | undefined {
    return traceparentOf(context.active());
  }

  /** The span `wake up`, if the job's batch is sampled. */
  async wakeUp(traceparent: string | undefined, work: () => Promise<void>): Promise<void> {
    const parent = traceparent === undefined ? undefined : contextOf(traceparent);
    if (!parent) return await work();
    const span = this.#start("wake up", SpanKind.CONSUMER, parent, {});
    this.#waking = trace.setSpan(parent, span);
    try {
      await context.with(this.#waking, work);
    } finally {
      span.end();
    }
  }

  /** The span `project batch`, if a sampled batch woke the projector. */
  async project(domain: string, project: () => Promise<ProjectedBatch>): Promise<ProjectedBatch> {
    const waking = this.#waking;
    const begun = Date.now();
    this.#waking = undefined;
    const batch = waking && this.#startBatch("project batch", waking, [], undefined);
    try {
      // Not in the context of the job that started the loop.
      const projected = await context.with(batch ?? ROOT_CONTEXT, project);
      this.#addProjections(domain, projected, batch, begun);
      return projected;
    } catch (error) {
      // The retry belongs to the same trace.
      this.#waking ??= waking;
      if (batch) failed(trace.getSpan(batch), error);
      throw error;
    } finally {
      if (batch) trace.getSpan(batch)?.end();
    }
  }

  /** The span `send` of sampled events, after the broker has stored them. */
  sent(domain: string, events: readonly WaitingEvent[], seconds: number): void {
    const begun = Date.now() - seconds * 1000;
    for (const { topic, position, ordinal, headers } of events) {
      const parent = headers.traceparent === undefined ? undefined : contextOf(headers.traceparent);
      if (!parent || !isSampledContext(parent)) continue;
      const attributes = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "waybill.domain": domain,
        "waybill.position": String(position),
        "waybill.ordinal": ordinal,
      };
      this.#tracing.tracer
        .startSpan("send", { kind: SpanKind.PRODUCER, startTime: begun, attributes }, parent)
        .end();
    }
  }

  /** @returns the new message's trace context. */
  redrive(position: bigint, traceparent: string | null): string | undefined {
    const request = context.active();
    const parent = traceparent === null ? undefined : contextOf(traceparent);
    if (!parent || !isSampledContext(parent)) return traceparentOf(request);
    const attributes = { "waybill.position": String(position) };
    const span = this.#startLinked("redrive", parent, request, Date.now(), attributes);
    span.end();
    return traceparentOf(trace.setSpan(parent, span));
  }

  #addProjections(
    domain: string,
    { rows, outcomes }: ProjectedBatch,
    batch: Context | undefined,
    begun: number,
  ): void {
    for (const [index, row] of rows.entries()) {
      if (row.traceparent === undefined) continue;
      const parent = contextOf(row.traceparent);
      if (!parent || !isSampledContext(parent)) continue;
      this.#addProjection(domain, row, outcomes[index] as Outcome, parent, batch, begun);
    }
    if (batch) trace.getSpan(batch)?.setAttribute("messaging.batch.message_count", rows.length);
  }

  #addProjection(
    domain: string,
    { position }: InboxRow,
    outcome: Outcome,
    parent: Context,
    batch: Context | undefined,
    begun: number,
  ): void {
    const span = this.#startLinked("project", parent, batch ?? ROOT_CONTEXT, begun, {
      "waybill.domain": domain,
      "waybill.position": String(position),
      "waybill.outcome": outcome.kind,
    });
    if (outcome.kind === "duplicate") {
      span.setAttribute("waybill.original_position", String(outcome.originalPosition));
    }
    if (outcome.kind === "dead") {
      span.setAttribute("waybill.code", outcome.rejection.code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.rejection.code });
    }
    if (outcome.kind === "projected") span.addEvent("readable");
    span.end();
  }

  /**
   * The parent span: of the HTTP request, from the message, or derived from its bytes, as the publisher does. Undefined
   * if it is not sampled, or the limit is reached.
   */
  #parentOf({ traceparent, payload }: Message): Context | undefined {
    const active = context.active();
    if (isSampledContext(active)) return active;
    // Before hashing, which costs too much under full load.
    if (!this.#limit.hasRoom()) return undefined;
    const parent = (traceparent === undefined ? undefined : contextOf(traceparent)) ?? this.#derived(payload);
    if (!parent || !isSampledContext(parent)) return undefined;
    this.#limit.take();
    return parent;
  }

  #derived(payload: Buffer): Context | undefined {
    const { traceId, spanId } = idsOf(payload);
    return this.#tracing.isSampled(traceId) ? contextOf(`00-${traceId}-${spanId}-01`) : undefined;
  }

  #start(name: string, kind: SpanKind, parent: Context, attributes: Record<string, string | number>): Span {
    return this.#tracing.tracer.startSpan(name, { kind, attributes }, parent);
  }

  #startBatch(
    name: string,
    parent: Context,
    linked: readonly Context[],
    messages: number | undefined,
  ): Context {
    const links = linked.slice(0, LINKS_MAX).map(linkTo);
    const attributes = messages === undefined ? {} : { "messaging.batch.message_count": messages };
    return trace.setSpan(parent, this.#tracing.tracer.startSpan(name, { links, attributes }, parent));
  }

  #startLinked(
    name: string,
    parent: Context,
    linked: Context,
    startTime: number,
    attributes: Record<string, string>,
  ): Span {
    const links = trace.getSpanContext(linked) ? [linkTo(linked)] : [];
    return this.#tracing.tracer.startSpan(name, { links, startTime, attributes }, parent);
  }
}

/** Prevents further spans of the message. */
function unsampled(message: Message): Message {
  if (message.traceparent === undefined) return message;
  return { ...message, traceparent: withoutSampling(message.traceparent) };
}

function linkTo(target: Context) {
  return { context: trace.getSpanContext(target) as NonNullable<ReturnType<typeof trace.getSpanContext>> };
}

function failed(span: Span | undefined, error: unknown): void {
  // The class only: PostgreSQL's error texts quote rows.
  const message = error instanceof Error ? error.name : typeof error;
  span?.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** The SDK's limit. */
const LINKS_MAX = 128;
