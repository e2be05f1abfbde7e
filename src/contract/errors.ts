/**
 * What can go wrong because of the caller rather than of us. These errors know nothing of HTTP or of the
 * command line; each of those has one place that turns them into a status or an exit code. Whatever is thrown
 * and is none of these is a fault: it is logged, retried where that makes sense, and never shown to a user.
 */

/** The input cannot be meant: `parameter` names what to change. */
export class InvalidInputError extends Error {
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** What was asked for is not there. */
export class NotFoundError extends Error {}

/** The caller did not show that it may do this. */
export class NotAllowedError extends Error {}

/** The request may be that of another site's page, which must not act for the person before the browser. */
export class ForbiddenError extends Error {}

/** The body has more bytes than this process takes in. */
export class TooLargeError extends Error {}

/** The body comes in a coding or charset that is not taken; `headers` say what would be. */
export class UnsupportedBodyError extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.headers = headers;
  }
}

/** The same idempotency key came with other bytes before. */
export class KeyReusedError extends Error {}

/** It is not in a state in which this can be done to it; mostly because somebody else was quicker. */
export class WrongStateError extends Error {}

/** A domain decided against it by a rule of its own, and the decision is final. */
export class DeclinedError extends Error {
  /** The rule, in snake_case: the type of the problem. */
  readonly reason: string;
  /** What the problem says beside it. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(reason: string, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.reason = reason;
    this.members = members;
  }
}

/** A message was taken and is a dead letter: the code failed on it. Operators can redrive it. */
export class BuriedError extends Error {
  readonly position: bigint;

  constructor(position: bigint) {
    super(`the message at position ${position} could not be processed and is a dead letter`);
    this.position = position;
  }
}

/** The payload can be read but would be rejected; `problems` says where and why. */
export class RejectedError extends Error {
  readonly problems: readonly object[];

  constructor(message: string, problems: readonly object[]) {
    super(message);
    this.problems = problems;
  }
}

/** Too many wrong attempts from one place. */
export class TooManyAttemptsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Not now: a buffer is full or the database is away. Nothing was accepted; trying again is right. */
export class UnavailableError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The time that a call had is over. Whether it took effect at the other service is not known. */
export class DeadlineError extends UnavailableError {
  constructor(message: string) {
    super(message, 1);
  }
}

/** Another service answered a call with a refusal. */
export class UpstreamError extends Error {
  /** Its gRPC status, such as `FAILED_PRECONDITION`. */
  readonly status: string;
  /** The rule by which the other service declined, in snake_case; undefined if it named none. */
  readonly reason: string | undefined;

  constructor(status: string, message: string, reason?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The answer exists, but does not fit into its type. */
export class OutOfRangeError extends Error {}

/** A procedure that was called over HTTP failed; what the gRPC status of a call says. */
export class CallFailedError extends Error {
  /** Its gRPC status, such as `FAILED_PRECONDITION`. */
  readonly status: string;
  readonly details: CallFailure;

  constructor(status: string, message: string, details: CallFailure) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

export type CallFailure = Readonly<{
  /** The rule by which a domain declined, in snake_case, and what it says beside it. */
  reason?: string;
  members?: Readonly<Record<string, string>>;
  /** Fields of the request that break a rule. */
  violations?: readonly Readonly<{ field: string; rule: string; description: string }>[];
  retryAfterSeconds?: number;
}>;

/** The caller, or all callers together, asked more often than is allowed. */
export class TooManyCallsError extends Error {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
