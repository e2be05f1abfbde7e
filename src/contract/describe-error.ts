/** Formats an error as one line of a log. */

/** With the messages of its causes: libraries wrap the reason into an error that only counts attempts. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  if (depth === CAUSES_MAX) return error.message;
  if (error instanceof AggregateError) {
    const causes = error.errors.filter(Boolean).map((cause) => describeError(cause, depth + 1));
    return [...new Set(causes)].join("; ") || error.message;
  }
  return error.cause instanceof Error
    ? `${error.message}: ${describeError(error.cause, depth + 1)}`
    : error.message;
}

/** An error may be among its own causes. */
const CAUSES_MAX = 4;
