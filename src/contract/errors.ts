/**
 * Errors of the caller, independent of HTTP, gRPC and the command line; each of those maps them to a status in one
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

export class NotAllowedError extends Error {}

/** Possibly a request of another site's page, which must not act for the user. */
export class ForbiddenError extends Error {}

/** The caller's token is valid, but its role lacks a right. */
export class RoleError extends Error {
  readonly role: string;
  readonly needed: string;

  constructor(role: string, needed: string, message: string) {
    super(message);
    this.role = role;
    this.needed = needed;
  }
}

export class TooLargeError extends Error {}

/** `headers` name the supported codings. */
export class UnsupportedBodyError extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.headers = headers;
  }
}

export class KeyReusedError extends Error {}

/** Usually another request got there first. */
export class WrongStateError extends Error {}

/** Declined by a domain's rule; final. */
export class DeclinedError extends Error {
  /** In snake_case: the problem's type. */
  readonly reason: string;
  /** Additional members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(reason: string, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.reason = reason;
    this.members = members;
  }
}

/** The message is stored, but the projection failed, so it is a dead letter. */
export class BuriedError extends Error {
  readonly position: bigint;

  constructor(position: bigint) {
    super(`the message at position ${position} could not be processed and is a dead letter`);
    this.position = position;
  }
}

/** Well-formed, but would be rejected; `problems` says where and why. */
export class RejectedError extends Error {
  readonly problems: readonly object[];

  constructor(message: string, problems: readonly object[]) {
    super(message);
    this.problems = problems;
  }
}

/** Wrong tokens from one address. */
export class TooManyAttemptsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Nothing was accepted; retry later. */
export class UnavailableError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** An operator paused the intake; nothing was accepted. */
export class PausedError extends UnavailableError {}

/** The other service may or may not have acted. */
export class DeadlineError extends UnavailableError {
  constructor(message: string) {
    super(message, 1);
  }
}

/** Another service refused a call. */
export class UpstreamError extends Error {
  /** The gRPC status, such as `FAILED_PRECONDITION`. */
  readonly status: string;
  /** In snake_case; undefined if the service named none. */
  readonly reason: string | undefined;

  constructor(status: string, message: string, reason?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The answer does not fit its type. */
export class OutOfRangeError extends Error {}

export class CallFailedError extends Error {
  readonly status: string;
  readonly details: CallFailure;

  constructor(status: string, message: string, details: CallFailure) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

export type CallFailure = Readonly<{
  /** In snake_case. */
  reason?: string;
  members?: Readonly<Record<string, string>>;
  violations?: readonly Readonly<{ field: string; rule: string; description: string }>[];
  retryAfterSeconds?: number;
}>;

export class TooManyCallsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
