/**
 * Errors of the caller. They know nothing of HTTP, gRPC or the command line; each of those maps them to a status in one
 * place. Any other exception is a fault: it is logged, retried if that can help, and never shown to a user.
 */

/** Invalid input; `parameter` names the offending field. */
export class InvalidInputError extends Error {
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

export class NotFoundError extends Error {}

/** The caller is not authenticated or not authorised. */
export class NotAllowedError extends Error {}

/** The request may come from another site's page, which must not act for the user. */
export class ForbiddenError extends Error {}

export class TooLargeError extends Error {}

/** The body's coding or charset is not supported; `headers` name the supported ones. */
export class UnsupportedBodyError extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.headers = headers;
  }
}

/** The idempotency key was used with another payload. */
export class KeyReusedError extends Error {}

/** Conflict with the current state, usually because another request got there first. */
export class WrongStateError extends Error {}

/** A domain's rule declined the command; the decision is final. */
export class DeclinedError extends Error {
  /** The rule, in snake_case: the problem's type. */
  readonly reason: string;
  /** Additional members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(reason: string, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.reason = reason;
    this.members = members;
  }
}

/** The message is stored, but its projection failed, so it is a dead letter. Operators can redrive it. */
export class BuriedError extends Error {
  readonly position: bigint;

  constructor(position: bigint) {
    super(`the message at position ${position} could not be processed and is a dead letter`);
    this.position = position;
  }
}

/** The payload is well-formed but would be rejected; `problems` says where and why. */
export class RejectedError extends Error {
  readonly problems: readonly object[];

  constructor(message: string, problems: readonly object[]) {
    super(message);
    this.problems = problems;
  }
}

/** Too many wrong tokens from one address. */
export class TooManyAttemptsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A buffer is full or the database is unavailable. Nothing was accepted; retry later. */
export class UnavailableError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The deadline of a call passed. The other service may or may not have acted. */
export class DeadlineError extends UnavailableError {
  constructor(message: string) {
    super(message, 1);
  }
}

/** Another service refused a call. */
export class UpstreamError extends Error {
  /** The gRPC status, such as `FAILED_PRECONDITION`. */
  readonly status: string;
  /** The rule that declined, in snake_case; undefined if the service named none. */
  readonly reason: string | undefined;

  constructor(status: string, message: string, reason?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The answer does not fit its type. */
export class OutOfRangeError extends Error {}

/** A procedure called over HTTP failed, with the details of its gRPC status. */
export class CallFailedError extends Error {
  /** The gRPC status, such as `FAILED_PRECONDITION`. */
  readonly status: string;
  readonly details: CallFailure;

  constructor(status: string, message: string, details: CallFailure) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

export type CallFailure = Readonly<{
  /** The rule that declined, in snake_case, and its details. */
  reason?: string;
  members?: Readonly<Record<string, string>>;
  /** Fields of the request that break a rule. */
  violations?: readonly Readonly<{ field: string; rule: string; description: string }>[];
  retryAfterSeconds?: number;
}>;

/** The rate limit of one caller or of all callers is used up. */
export class TooManyCallsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
