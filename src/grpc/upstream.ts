/** Maps failures of calls to other services to errors of errors.ts. */
import { Code, ConnectError } from "@connectrpc/connect";
import { DeadlineError, UnavailableError, UpstreamError } from "../contract/errors.ts";
import { failureOf, nameOf } from "./status.ts";

/** @param error from the transport. */
export function upstreamErrorOf(error: unknown, service: string): Error {
  const failure = ConnectError.from(error, Code.Internal);
  const { code, rawMessage } = failure;
  if (code === Code.DeadlineExceeded) return new DeadlineError(`${service} did not answer in time`);
  // Only a status that came over the wire is the other service's answer.
  const isAnswer = failure.metadata.has("grpc-status");
  if (code === Code.Unavailable || code === Code.Canceled || (!isAnswer && UNANSWERED.has(code))) {
    const { retryAfterSeconds = 1 } = failureOf(failure);
    const message = isAnswer && code === Code.Unavailable ? rawMessage : `${service} does not answer`;
    return new UnavailableError(message, retryAfterSeconds);
  }
  return new UpstreamError(nameOf(code), rawMessage, failureOf(failure).reason);
}

/** Codes of broken connections and reset streams. */
const UNANSWERED: ReadonlySet<Code> = new Set([Code.Aborted, Code.Internal, Code.Unknown]);
