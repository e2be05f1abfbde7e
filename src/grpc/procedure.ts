/**
 * Wraps every handler, for gRPC and the gateway alike, with validation, the deadline, a request id, metrics, a span, and a
 * status for its errors.
 */
import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, type HandlerContext } from "@connectrpc/connect";
import { context as contexts, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { RpcService } from "../contract/rpc.ts";
import type { Logger } from "../telemetry/logger.ts";
import { contextOf } from "../telemetry/trace-context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Metrics } from "../watch/metrics.ts";
import { type Call, callOf, withinCall } from "./call.ts";
import { checkRules } from "./rules.ts";
import { endSpan, spanAttributes, spanName } from "./span.ts";
import { nameOf, OK, statusOf } from "./status.ts";

export type Procedure = Readonly<{
  method: DescMethodUnary;
  /** @throws ConnectError */
  answer: Answer;
}>;

type Answer = (
  request: MessageShape<DescMethodUnary["input"]>,
  context: HandlerContext,
) => Promise<MessageInitShape<DescMethodUnary["output"]>>;

export type Watching = Readonly<{ metrics: Metrics; logger: Logger; tracing: Tracing | undefined }>;

/** @throws if a procedure is not unary. */
export function proceduresOf({ service, implementation }: RpcService, watching: Watching): Procedure[] {
  return service.methods.map((method): Procedure => {
    if (method.methodKind !== "unary")
      throw new Error(`${method} is a stream, and only unary calls are served`);
    const handler = (implementation as Record<string, unknown>)[method.localName] as Answer;
    const unary = method as DescMethodUnary;
    return { method: unary, answer: around(unary, handler.bind(implementation), watching) };
  });
}

function around(method: DescMethodUnary, handler: Answer, { metrics, logger, tracing }: Watching): Answer {
  const labels = { service: method.parent.typeName, method: method.name };
  const name = spanName(method);
  return async (request, context) => {
    const begun = performance.now();
    const call = callOf(context);
    context.responseHeader.set("x-request-id", call.requestId);
    const span = tracing?.beginCall(name, call.traceparent, spanAttributes(method));
    metrics.grpcInFlight.inc(labels);
    let code = OK;
    try {
      return await contexts.with(surroundingsOf(call, span), () =>
        withinCall(call, () => handle(method, handler, request, context)),
      );
    } catch (error) {
      const failure = statusOf(error, context);
      code = failure.code;
      if (failure.cause !== undefined)
        logger.error({ err: error, ...labels, requestId: call.requestId }, "a call failed");
      throw failure;
    } finally {
      metrics.grpcInFlight.dec(labels);
      metrics.grpcServerSeconds.observe(
        { ...labels, code: nameOf(code) },
        (performance.now() - begun) / 1000,
      );
      endSpan(span, code, FAULTS.has(code));
    }
  };
}

/** Settles when the caller's signal aborts, even if the handler does not; skips the handler after the deadline. */
async function handle(
  method: DescMethodUnary,
  handler: Answer,
  request: MessageShape<DescMethodUnary["input"]>,
  context: HandlerContext,
) {
  const { signal } = context;
  signal.throwIfAborted();
  checkRules(method.input, request);
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([handler(request, context), ended.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The context of the call's span; without a span the active one, or else the caller's, so that its trace id passes on. */
function surroundingsOf({ traceparent }: Call, span: Span | undefined) {
  if (span) return trace.setSpan(contexts.active(), span);
  if (trace.getSpanContext(contexts.active())) return contexts.active();
  return (traceparent === undefined ? undefined : contextOf(traceparent)) ?? ROOT_CONTEXT;
}

/** Codes that mark a server span as failed. Source: OpenTelemetry, "Semantic conventions for gRPC". */
const FAULTS: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);
