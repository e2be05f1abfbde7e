/** Why a message can never be projected. A value, not an exception, because it is expected. */
export type Rejection = Readonly<{
  code: RejectionCode;
  problems: readonly Problem[];
  /** For conflicts: the first message with this id. */
  originalPosition?: bigint;
}>;

/** Also checked by the database. */
export const REJECTION_CODES = [
  "empty",
  "too_large",
  "not_utf8",
  "not_json",
  "schema",
  "conflict",
  "projection_failed",
] as const;

export type RejectionCode = (typeof REJECTION_CODES)[number];

export type Problem = Readonly<{
  /** RFC 6901 JSON pointer; empty for the whole document. */
  path: string;
  /** The broken rule, such as `type`, `required` or `minimum`. */
  rule: string;
  expected: string;
  received: string;
  /**
   * The beginning of the value. It can be personal, so only operators see it, masked if its path is personal; it never
   * enters logs, metrics or traces.
   */
  excerpt?: string;
  /** Byte offset in a payload that is not text or not JSON. */
  byteOffset?: number;
  /** For conflicts: the first message, and this one. */
  positions?: Readonly<{ expected?: string; received?: string }>;
}>;

/** A message of a few kilobytes can have thousands of problems with paths of hundreds of characters. */
export function boundProblems(problems: Iterable<Problem>): Problem[] {
  const bounded: Problem[] = [];
  let length = 0;
  for (const problem of problems) {
    const { path, rule, expected, received, excerpt = "" } = problem;
    length += path.length + rule.length + expected.length + received.length + excerpt.length;
    if (bounded.length > 0 && (bounded.length === PROBLEMS_MAX || length > PROBLEMS_LENGTH_MAX)) break;
    bounded.push(problem);
  }
  return bounded;
}

export function reject(code: RejectionCode, problem: Problem): Rejection {
  return { code, problems: [problem] };
}

/** @param path to the key that an earlier message holds with other content. */
export function conflict(path: string, originalPosition: bigint, position: bigint): Rejection {
  return {
    code: "conflict",
    problems: [
      {
        path,
        rule: "first_write_wins",
        expected: "the content of the first message with this key",
        received: "other content",
        positions: { expected: String(originalPosition), received: String(position) },
      },
    ],
    originalPosition,
  };
}

/**
 * RFC 6901. Senders choose the names: characters that PostgreSQL cannot store are replaced, and long pointers are cut.
 */
export function pointerTo(path: readonly PropertyKey[]): string {
  let pointer = "";
  for (const step of path) pointer += `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const safe = pointer.toWellFormed().replaceAll("\0", "\ufffd");
  return safe.length > POINTER_LENGTH_MAX ? `${safe.slice(0, POINTER_LENGTH_MAX).toWellFormed()}…` : safe;
}

/** Safe to store. */
export function excerptOf(value: unknown): string {
  if (Array.isArray(value)) return `[…], ${value.length} items`;
  if (typeof value === "object" && value !== null) return `{…}, ${Object.keys(value).length} members`;
  // The text may have had more digits than a number can hold.
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return "beyond all numbers";
  // See rounded-numbers.ts.
  if (value === Number.MIN_VALUE) return "a number that is not whole";
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return `about ${value}`;
  if (typeof value !== "string") return String(value);
  const isCut = value.length > EXCERPT_LENGTH_MAX;
  // JSON.stringify escapes what a text column cannot hold.
  return JSON.stringify(isCut ? value.slice(0, EXCERPT_LENGTH_MAX) : value) + (isCut ? "…" : "");
}

export function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** More problems of one message do not help its reader. */
export const PROBLEMS_MAX = 100;

/** Characters of all problems: enough for a hundred ordinary ones. */
const PROBLEMS_LENGTH_MAX = 16 * 1024;

/** Enough to recognise a value. */
const EXCERPT_LENGTH_MAX = 40;

/** Longer than a readable pointer; a name can be as long as a payload. */
const POINTER_LENGTH_MAX = 512;
