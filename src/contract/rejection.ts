/**
 * Why a message can never be projected: a code, and every problem with its exact place. A rejection is a value and
 * not an exception: it is permanent and expected, and a fault is neither.
 */
export type Rejection = Readonly<{
  code: RejectionCode;
  problems: readonly Problem[];
  /** Of a conflict: the position that holds the same id with other content. */
  originalPosition?: bigint;
}>;

/** Every code; the database checks them too. */
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
  /** RFC 6901 JSON pointer; the empty text is the whole document. */
  path: string;
  /** What was broken, such as `type`, `required` or `minimum`. */
  rule: string;
  /** What would have been right. */
  expected: string;
  /** The type of what stood there, or what it was instead. */
  received: string;
  /**
   * The beginning of what stood there. It can be personal data, so it is shown to operators only, and masked for them
   * too where its path leads to something personal; it never goes into logs, metrics or traces.
   */
  excerpt?: string;
  /** Where in the payload, in bytes, for what is not text or not JSON. */
  byteOffset?: number;
  /** Of a conflict: the position that was expected to hold the same content, and the one that holds another. */
  positions?: Readonly<{ expected?: string; received?: string }>;
}>;

/**
 * As many of the problems, from the first on, as are stored and shown. A message of some kilobytes can be wrong in
 * thousands of places, each with a path of hundreds of characters, and comes together with thousands like it.
 */
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

/** A rejection with one problem. */
export function reject(code: RejectionCode, problem: Problem): Rejection {
  return { code, problems: [problem] };
}

/**
 * The rejection of a message whose key an earlier message holds with other content.
 * @param path to the key.
 */
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
 * A JSON pointer (RFC 6901) to a place. Names come from the sender: those that PostgreSQL's text cannot hold are
 * made harmless, and very long ones are cut.
 */
export function pointerTo(path: readonly PropertyKey[]): string {
  let pointer = "";
  for (const step of path) pointer += `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const safe = pointer.toWellFormed().replaceAll("\0", "\ufffd");
  return safe.length > POINTER_LENGTH_MAX ? `${safe.slice(0, POINTER_LENGTH_MAX).toWellFormed()}…` : safe;
}

/** The beginning of a value, fit to be stored whatever it holds. */
export function excerptOf(value: unknown): string {
  if (Array.isArray(value)) return `[…], ${value.length} items`;
  if (typeof value === "object" && value !== null) return `{…}, ${Object.keys(value).length} members`;
  // What stood there may have had more digits than a number of this language keeps.
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return "beyond all numbers";
  // The value that stands for what was rounded to a whole number: see rounded-numbers.ts.
  if (value === Number.MIN_VALUE) return "a number that is not whole";
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return `about ${value}`;
  if (typeof value !== "string") return String(value);
  const isCut = value.length > EXCERPT_LENGTH_MAX;
  // JSON.stringify escapes what a text column cannot hold.
  return JSON.stringify(isCut ? value.slice(0, EXCERPT_LENGTH_MAX) : value) + (isCut ? "…" : "");
}

/** The JSON type of a value, as a person would name it. */
export function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** A person reads a few problems; more of the same kind add nothing. */
export const PROBLEMS_MAX = 100;

/** All characters of a rejection's problems: enough for a hundred problems of an ordinary message. */
const PROBLEMS_LENGTH_MAX = 16 * 1024;

/** Enough to recognise a value. */
const EXCERPT_LENGTH_MAX = 40;

/** Longer than any pointer a person would read; a name can be as long as a payload. */
const POINTER_LENGTH_MAX = 512;
