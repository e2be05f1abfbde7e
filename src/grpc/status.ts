/**
 * The one place that maps errors to statuses. An unexpected error becomes INTERNAL without detail.
 * Sources: gRPC, "Status codes"; google/rpc/error_details.proto.
 */
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@bufbuild/protovalidate";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  BuriedError,
  type CallFailure,
  DeadlineError,
  DeclinedError,
  ForbiddenError,
  InvalidInputError,
  KeyReusedError,
  NotAllowedError,
  NotFoundError,
  OutOfRangeError,
  RejectedError,
  TooManyAttemptsError,
  TooManyCallsError,
  UnavailableError,
  UpstreamError,
  WrongStateError,
} from "../contract/errors.ts";
import { PROBLEMS_MAX } from "../contract/rejection.ts";
import { DatabaseError } from "../database/database-error.ts";
import { NotReadyError } from "../database/wait.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../proto/google/rpc/error_details_pb.ts";

/** A request that breaks rules of its `.proto`. */
export class InvalidRequestError extends Error {
  readonly violations: NonNullable<CallFailure["violations"]>;

  constructor(violations: NonNullable<CallFailure["violations"]>) {
    super(violations.map(({ field, description }) => `${field}: ${description}`).join("; "));
    this.violations = violations;
  }

  /** @param violations from protovalidate. */
  static of(violations: readonly Violation[]): InvalidRequestError {
    return new InvalidRequestError(
      violations.slice(0, PROBLEMS_MAX).map(({ field, ruleId, message }) => ({
        field: pathToString(field),
        rule: ruleId,
        description: message,
      })),
    );
  }
}

/** The code of success, which the library's type of error codes lacks. */
export const OK = 0 as Code;

/** The code's name in gRPC's own spelling. */
export function nameOf(code: Code): string {
  return NAMES[code] ?? "UNKNOWN";
}

/**
 * @param context of the failed call. After its end, that end is the reason, and not the error.
 * @returns a status; `cause`, which never leaves the process, is an unexpected error.
 */
export function statusOf(error: unknown, { signal, timeoutMs }: HandlerContext): ConnectError {
  const left = timeoutMs();
  if (error instanceof DeadlineError || (left !== undefined && left <= 0)) return deadlineExceeded();
  if (signal.aborted) {
    const { reason } = signal;
    if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) return deadlineExceeded();
    return new ConnectError("the caller ended the call", Code.Canceled);
  }
  return ofThrown(error);
}

/** A status as members of a problem document. */
export function failureOf(error: ConnectError): CallFailure {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [request] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    ...(info ? { reason: info.reason.toLowerCase(), members: info.metadata } : {}),
    ...(request
      ? {
          violations: request.fieldViolations.map(({ field, reason, description }) => ({
            field,
            rule: ruleOf(reason),
            description,
          })),
        }
      : {}),
    ...(retry ? { retryAfterSeconds: Number(retry.retryDelay?.seconds ?? 1n) } : {}),
  };
}

function ofThrown(error: unknown): ConnectError {
  if (error instanceof InvalidRequestError) {
    const fieldViolations = error.violations.map(({ field, rule, description }) => ({
      field,
      reason: reasonOf(rule),
      description,
    }));
    return status(Code.InvalidArgument, error, detail(BadRequestSchema, { fieldViolations }));
  }
  if (error instanceof InvalidInputError) {
    const { parameter: field, message: description } = error;
    const fieldViolations = [{ field, reason: "INVALID", description }];
    return status(Code.InvalidArgument, error, detail(BadRequestSchema, { fieldViolations }));
  }
  if (error instanceof DeclinedError) {
    const { reason, members } = error;
    const metadata = Object.fromEntries(
      Object.entries(members).map(([name, value]) => [name, String(value)]),
    );
    return status(Code.FailedPrecondition, error, info(reason, metadata));
  }
  if (error instanceof UpstreamError) {
    const code = NAMES.indexOf(error.status);
    return status(
      code > 0 ? code : Code.Unknown,
      error,
      ...(error.reason === undefined ? [] : [info(error.reason, {})]),
    );
  }
  if (
    error instanceof UnavailableError ||
    error instanceof TooManyCallsError ||
    error instanceof TooManyAttemptsError
  ) {
    const code = error instanceof UnavailableError ? Code.Unavailable : Code.ResourceExhausted;
    return status(code, error, retryAfter(error.retryAfterSeconds));
  }
  for (const [type, code] of CODES) if (error instanceof type) return status(code, error);
  if (error instanceof NotReadyError || (error instanceof DatabaseError && !error.isAboutData)) {
    const away = new UnavailableError("the database is unavailable", DATABASE_RETRY_AFTER_SECONDS);
    return status(Code.Unavailable, away, retryAfter(away.retryAfterSeconds));
  }
  return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

type Detail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

function status(code: Code, { message }: Error, ...details: Detail[]): ConnectError {
  return new ConnectError(message, code, undefined, details);
}

function deadlineExceeded(): ConnectError {
  return new ConnectError("the time of the call is over", Code.DeadlineExceeded);
}

function info(reason: string, metadata: Record<string, string>): Detail {
  return detail(ErrorInfoSchema, { reason: reasonOf(reason), domain: "waybill", metadata });
}

function retryAfter(seconds: number): Detail {
  return detail(RetryInfoSchema, { retryDelay: { seconds: BigInt(Math.ceil(seconds)) } });
}

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value } as Detail;
}

/** ErrorInfo requires reasons in capitals: `INT64_GT` for the rule `int64.gt`. */
function reasonOf(rule: string): string {
  return rule.replaceAll(/[^A-Za-z0-9]+/g, "_").toUpperCase();
}

/** The inverse of `reasonOf`: no rule has an underscore in its first part. */
function ruleOf(reason: string): string {
  return reason.toLowerCase().replace("_", ".");
}

const CODES: readonly (readonly [new (...args: never[]) => Error, Code])[] = [
  [NotFoundError, Code.NotFound],
  [NotAllowedError, Code.Unauthenticated],
  [ForbiddenError, Code.PermissionDenied],
  [KeyReusedError, Code.AlreadyExists],
  [WrongStateError, Code.Aborted],
  [OutOfRangeError, Code.OutOfRange],
  [RejectedError, Code.InvalidArgument],
  [BuriedError, Code.Internal],
];

const NAMES: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** Spares a database that is recovering. */
const DATABASE_RETRY_AFTER_SECONDS = 2;
