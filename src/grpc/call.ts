/**
 * The call that is being answered. The calls that its handler makes belong to it: they have what is left of its time, end
 * with it, and carry its token, request id and trace.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { normalTraceparent } from "../telemetry/trace-context.ts";

export type Call = Readonly<{
  /** Aborts when the caller hangs up, when the time is over, and when the call is answered. */
  signal: AbortSignal;
  /** When its time is over, by the clock of `performance`; infinite if it has no deadline. */
  deadlineAt: number;
  /** The caller's `authorization`, which goes on with calls below. */
  authorization: string | undefined;
  requestId: string;
  /** What the caller sent. */
  traceparent: string | undefined;
}>;

export function callOf(context: HandlerContext): Call {
  const { requestHeader } = context;
  const requestId = requestHeader.get("x-request-id") ?? "";
  return {
    signal: context.signal,
    deadlineAt: performance.now() + (context.timeoutMs() ?? Number.POSITIVE_INFINITY),
    authorization: requestHeader.get("authorization") ?? undefined,
    requestId: REQUEST_ID.test(requestId) ? requestId : randomUUID(),
    traceparent: normalTraceparent(requestHeader.get("traceparent") ?? ""),
  };
}

/** The call that is being answered here; undefined if none is. */
export function currentCall(): Call | undefined {
  return calls.getStore();
}

export function withinCall<T>(call: Call, work: () => T): T {
  return calls.run(call, work);
}

/** Does what belongs to no call, though a call may have set it in motion. */
export function outsideCalls<T>(work: () => T): T {
  return calls.run(undefined, work);
}

const calls = new AsyncLocalStorage<Call | undefined>();

/** As the HTTP server takes it. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
