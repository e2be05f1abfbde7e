/** The spans of calls: one trace over all hops, and nothing personal in it. */
import { context, SpanKind } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NotFoundError } from "../../src/contract/errors.ts";
import { traceparentOf } from "../../src/telemetry/trace-context.ts";
import { Tracing } from "../../src/telemetry/tracing.ts";
import { ownClient, plainClient, startEcho } from "../support/echo/echo.ts";
import { errorOf } from "../support/error.ts";

const traces = suite("traces of calls");
const exported: ReadableSpan[] = [];
const exporter: SpanExporter = {
  export: (spans, done) => {
    exported.push(...spans);
    done({ code: 0 });
  },
  shutdown: async () => {},
};
const tracing = new Tracing(
  { exporter: "otlp", sampler: "parentbased_always_on", ratio: 1, perSecondMax: 1_000 },
  "test",
  undefined,
  exporter,
);
const SAMPLED = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

traces("a call over two hops is one trace, from span to span", async () => {
  let below: string | undefined;
  await using last = await startEcho(
    {
      say: () => {
        below = traceparentOf(context.active());
        throw new NotFoundError("no");
      },
    },
    { tracing },
  );
  const own = ownClient(last.url);
  await using first = await startEcho(
    { say: async (request) => own.client.say({ text: request.text }) },
    { tracing },
  );
  const { client, close } = plainClient(first.url);
  await errorOf(client.say({ text: "personal" }, { headers: { traceparent: SAMPLED } }));
  await tracing.flush();
  const kinds = exported.map(({ kind }) => SpanKind[kind]).reverse();
  assert.equal(kinds, ["SERVER", "CLIENT", "SERVER"]);
  const [server, sent, received] = exported.toReversed() as [ReadableSpan, ReadableSpan, ReadableSpan];
  for (const span of exported) {
    assert.is(span.spanContext().traceId, "a".repeat(32));
    assert.is(span.name, "echo.v1.EchoService/Say");
    assert.equal(
      [
        span.attributes["rpc.system"],
        span.attributes["rpc.service"],
        span.attributes["rpc.method"],
        span.attributes["rpc.grpc.status_code"],
      ],
      ["grpc", "echo.v1.EchoService", "Say", 5],
    );
    assert.not.match(JSON.stringify([span.attributes, span.events, span.status]), "personal");
  }
  assert.is(server.parentSpanContext?.spanId, "b".repeat(16));
  assert.is(sent.parentSpanContext?.spanId, server.spanContext().spanId);
  assert.is(received.parentSpanContext?.spanId, sent.spanContext().spanId);
  // The spans of a stored message are below the span of its call.
  assert.is(below, `00-${"a".repeat(32)}-${received.spanContext().spanId}-01`);
  close();
  own.close();
});

traces("what the caller does not sample is not traced, and its context goes on", async () => {
  exported.length = 0;
  const seen: (string | null)[] = [];
  await using last = await startEcho(
    {
      say: (_request, { requestHeader }) => {
        seen.push(requestHeader.get("traceparent"));
        return {};
      },
    },
    { tracing },
  );
  const own = ownClient(last.url);
  await using first = await startEcho({ say: () => own.client.say({}) }, { tracing });
  const { client, close } = plainClient(first.url);
  const unsampled = SAMPLED.replace(/01$/, "00");
  await client.say({}, { headers: { traceparent: unsampled } });
  assert.equal(seen, [unsampled]);
  await tracing.flush();
  assert.is(exported.length, 0);
  await client.say({});
  await tracing.flush();
  assert.is(exported.length, 3, "a call without a context begins a trace");
  close();
  own.close();
});

traces.after(() => tracing[Symbol.asyncDispose]());
traces.run();
