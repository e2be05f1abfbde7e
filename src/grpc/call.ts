/** The call in progress. Calls that its handler makes inherit its deadline, cancellation, token, request id and trace. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { HandlerContext } from "@connectrpc/connect";
import { normalTraceparent } from "../telemetry/trace-context.ts";

export type Call = Readonly<{
  /** Aborts when the caller cancels, at the deadline, and when the call is answered. */
  signal: AbortSignal;
  /** By the clock of `performance`; infinite without a deadline. */
  deadlineAt: number;
  authorization: string | undefined;
  requestId: string;
  /** The caller's. */
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

export function currentCall(): Call | undefined {
  return calls.getStore();
}

export function withinCall<T>(call: Call, work: () => T): T {
  return calls.run(call, work);
}

/** Runs work that must outlive the call that started it. */
export function outsideCalls<T>(work: () => T): T {
  return calls.run(undefined, work);
}

const calls = new AsyncLocalStorage<Call | undefined>();

/** As in the HTTP server. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
