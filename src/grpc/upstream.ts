/** What a call to another service failed with, as an error of errors.ts. */
import { Code, ConnectError } from "@connectrpc/connect";
import { DeadlineError, UnavailableError, UpstreamError } from "../contract/errors.ts";
import { failureOf, nameOf } from "./status.ts";

/** @param error what the transport threw. */
export function upstreamErrorOf(error: unknown, service: string): Error {
  const failure = ConnectError.from(error, Code.Internal);
  const { code, rawMessage } = failure;
  if (code === Code.DeadlineExceeded) return new DeadlineError(`${service} did not answer in time`);
  // A status that came over the wire is an answer; without one there was none.
  const isAnswer = failure.metadata.has("grpc-status");
  if (code === Code.Unavailable || code === Code.Canceled || (!isAnswer && UNANSWERED.has(code))) {
    const { retryAfterSeconds = 1 } = failureOf(failure);
    const message = isAnswer && code === Code.Unavailable ? rawMessage : `${service} does not answer`;
    return new UnavailableError(message, retryAfterSeconds);
  }
  return new UpstreamError(nameOf(code), rawMessage, failureOf(failure).reason);
}

/** What a connection that breaks, or a stream that is reset, looks like. */
const UNANSWERED: ReadonlySet<Code> = new Set([Code.Aborted, Code.Internal, Code.Unknown]);
