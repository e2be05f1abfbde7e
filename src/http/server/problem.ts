/**
 * Maps errors to answers: a status and an RFC 9457 problem document with a stable `type`. Unexpected errors are answered
 * without detail; the server logs them.
 */
import type { ServerResponse } from "node:http";
import { CheckFailedError } from "../../audit/checks-table.ts";
import {
  BuriedError,
  CallFailedError,
  DeclinedError,
  ForbiddenError,
  InvalidInputError,
  KeyReusedError,
  NotAllowedError,
  NotFoundError,
  PausedError,
  RejectedError,
  RoleError,
  TooLargeError,
  TooManyAttemptsError,
  UnavailableError,
  UnsupportedBodyError,
  WrongStateError,
} from "../../contract/errors.ts";
import { PROBLEM_PREFIX } from "../../contract/openapi.ts";
import { DatabaseError } from "../../database/database-error.ts";
import { NotReadyError } from "../../database/wait.ts";

export type Problem = Readonly<{
  status: number;
  type: string;
  title: string;
  detail?: string;
  parameter?: string;
  errors?: readonly object[];
  members?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string>>;
}>;

export class NoRouteError extends Error {
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super(allowed.length > 0 ? "this route does not support the method" : "there is no such route");
    this.allowed = allowed;
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof CallFailedError) return problemOfCall(error);
  if (error instanceof InvalidInputError) {
    return {
      status: 400,
      type: "invalid-input",
      title: "Invalid input",
      detail: error.message,
      parameter: error.parameter,
    };
  }
  if (error instanceof NotAllowedError) {
    const headers = { "www-authenticate": 'Bearer realm="waybill"' };
    return { status: 401, type: "not-allowed", title: "Not allowed", detail: error.message, headers };
  }
  if (error instanceof ForbiddenError) {
    return { status: 403, type: "forbidden", title: "Forbidden", detail: error.message };
  }
  if (error instanceof RoleError) {
    const { message: detail, role, needed } = error;
    return {
      status: 403,
      type: "role",
      title: "Not allowed for this role",
      detail,
      members: { role, needed },
    };
  }
  if (error instanceof NotFoundError) {
    return { status: 404, type: "not-found", title: "Not found", detail: error.message };
  }
  if (error instanceof NoRouteError) {
    if (error.allowed.length === 0)
      return { status: 404, type: "no-such-route", title: "Not found", detail: error.message };
    const headers = { allow: error.allowed.join(", ") };
    return {
      status: 405,
      type: "method-not-allowed",
      title: "Method not allowed",
      detail: error.message,
      headers,
    };
  }
  if (error instanceof TooLargeError) {
    return { status: 413, type: "too-large", title: "Payload too large", detail: error.message };
  }
  if (error instanceof UnsupportedBodyError) {
    const { message: detail, headers } = error;
    return { status: 415, type: "unsupported-body", title: "Unsupported media type", detail, headers };
  }
  if (error instanceof KeyReusedError) {
    return { status: 422, type: "key-reused", title: "Idempotency key reused", detail: error.message };
  }
  if (error instanceof WrongStateError) {
    return { status: 409, type: "wrong-state", title: "Wrong state", detail: error.message };
  }
  if (error instanceof DeclinedError) {
    const { reason: type, message: title, members } = error;
    return { status: 409, type, title, members: { ...members, retryable: false } };
  }
  if (error instanceof BuriedError) {
    const members = { position: String(error.position) };
    return { status: 500, type: "buried", title: "Not processed", detail: error.message, members };
  }
  if (error instanceof RejectedError) {
    const { message: detail, problems: errors } = error;
    return { status: 422, type: "rejected", title: "Rejected", detail, errors };
  }
  if (error instanceof TooManyAttemptsError) {
    const headers = { "retry-after": String(error.retryAfterSeconds) };
    return {
      status: 429,
      type: "too-many-attempts",
      title: "Too many attempts",
      detail: error.message,
      headers,
    };
  }
  if (error instanceof UnavailableError) {
    const headers = { "retry-after": String(error.retryAfterSeconds) };
    const [type, title] =
      error instanceof PausedError ? ["paused", "Paused"] : ["unavailable", "Unavailable"];
    return { status: 503, type, title, detail: error.message, headers };
  }
  if (error instanceof NotReadyError) {
    return problemOf(new UnavailableError(error.message, DATABASE_RETRY_AFTER_SECONDS));
  }
  if (error instanceof DatabaseError && !error.isAboutData) {
    return problemOf(new UnavailableError("the database is unavailable", DATABASE_RETRY_AFTER_SECONDS));
  }
  if (error instanceof CheckFailedError) {
    const { domain, check } = error;
    const detail = `the check ${check} of the domain ${domain} failed to run; see the log for the reason`;
    return { status: 500, type: "check-failed", title: "The audit failed", detail };
  }
  return { status: 500, type: "internal", title: "Internal error" };
}

function problemOfCall({ status: code, message, details }: CallFailedError): Problem {
  const { reason, members: metadata, violations, retryAfterSeconds = 1 } = details;
  const status = STATUSES[code] ?? 500;
  const words = code.toLowerCase().replaceAll("_", " ");
  const retryAfter = { "retry-after": String(retryAfterSeconds) };
  return {
    status,
    type: words.replaceAll(" ", "-"),
    title: words.charAt(0).toUpperCase() + words.slice(1),
    detail: message,
    ...(violations?.[0] ? { parameter: violations[0].field, errors: violations } : {}),
    members: {
      code,
      ...(reason === undefined ? {} : { reason }),
      ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    },
    ...(status === 429 || status === 503 ? { headers: retryAfter } : {}),
    ...(status === 401 ? { headers: { "www-authenticate": 'Bearer realm="waybill"' } } : {}),
  };
}

export function sendProblem(response: ServerResponse, problem: Problem): void {
  const { headers, type, members, ...rest } = problem;
  const body = JSON.stringify({ ...members, type: PROBLEM_PREFIX + type, ...rest });
  response.writeHead(problem.status, {
    "content-type": "application/problem+json",
    // Without it, Node.js sends chunks, which cost more.
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...headers,
  });
  response.end(body);
}

/** Source: google/rpc/code.proto, except for the failed precondition. */
const STATUSES: Readonly<Record<string, number>> = {
  CANCELLED: 499,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 412,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
};

/** Spares a recovering database. */
const DATABASE_RETRY_AFTER_SECONDS = 2;
