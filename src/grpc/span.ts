/**
 * Names and attributes of spans.
 * Source: OpenTelemetry, "Semantic conventions for gRPC".
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";
import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import { nameOf } from "./status.ts";

export function spanName({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

export function spanAttributes({ parent, name }: DescMethod): Attributes {
  return { "rpc.system": "grpc", "rpc.service": parent.typeName, "rpc.method": name };
}

/** @param isError whether the status is an error on this side of the call. */
export function endSpan(span: Span | undefined, code: Code, isError: boolean): void {
  if (!span) return;
  span.setAttribute("rpc.grpc.status_code", code);
  if (isError) span.setStatus({ code: SpanStatusCode.ERROR, message: nameOf(code) });
  span.end();
}
