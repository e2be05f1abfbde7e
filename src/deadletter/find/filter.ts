/**
 * Which dead letters are meant. The same filters come as the query of an address, as the body of a bulk redrive and as
 * options of a command; each is checked here, and what cannot be meant names its parameter.
 */
import { type } from "arktype";
import { InvalidInputError } from "../../contract/errors.ts";
import type { RejectionCode } from "../../contract/rejection.ts";
import { parseDateTime } from "../../contract/values/date-time.ts";
import type { State } from "../../projector/dead-letters-table.ts";
import { foldIndexes } from "../../projector/fingerprint.ts";

export type DeadLetterFilter = Readonly<{
  state?: State;
  code?: RejectionCode;
  fingerprint?: string;
  channel?: string;
  /** A JSON pointer with its indexes folded: letters with a problem there or below. */
  path?: string;
  since?: Date;
  until?: Date;
  /** Bytes that the payload holds. */
  q?: string;
}>;

/** What a filter looks like from outside: texts only. */
export const filterType = type({
  "+": "reject",
  "state?": "'open' | 'redriven' | 'discarded'",
  "code?": "'empty' | 'too_large' | 'not_utf8' | 'not_json' | 'schema' | 'conflict' | 'projection_failed'",
  "fingerprint?": /^[0-9a-f]{16}$/,
  "channel?": "1 <= string <= 255",
  "path?": /^(\/([^~/]|~[01])*)*$/,
  "since?": "string",
  "until?": "string",
  "q?": "1 <= string <= 200",
});

/** @throws InvalidInputError that names the parameter. */
export function readFilter(given: unknown): DeadLetterFilter {
  const texts = filterType(given);
  if (texts instanceof type.errors) {
    const [problem] = texts;
    const name = String(problem?.path[0] ?? "filter");
    throw new InvalidInputError(name, `${name} ${EXPECTED[name] ?? `must be ${problem?.expected}`}`);
  }
  const { since, until, path, q, ...plain } = texts;
  const from = readTime("since", since);
  const to = readTime("until", until);
  if (from && to && from >= to) throw new InvalidInputError("until", "until must be later than since");
  if (q !== undefined && !q.isWellFormed()) throw new InvalidInputError("q", "q must be Unicode text");
  return {
    ...plain,
    ...(path === undefined ? {} : { path: foldIndexes(path) }),
    ...(from === undefined ? {} : { since: from }),
    ...(to === undefined ? {} : { until: to }),
    ...(q === undefined ? {} : { q }),
  };
}

function readTime(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = parseDateTime(DATE.test(text) ? `${text}T00:00:00Z` : text);
  if (time !== undefined) return new Date(time);
  throw new InvalidInputError(
    name,
    `${name} must be a date such as 2026-11-21 or a date-time such as 2026-11-21T06:22:19Z`,
  );
}

const DATE = /^\d{4}-\d\d-\d\d$/;

/** Where arktype's own wording would say a pattern. */
const EXPECTED: Readonly<Record<string, string>> = {
  fingerprint: "must be 16 hexadecimal digits, as the groups show it",
  path: "must be a JSON pointer such as /items/#/price",
  channel: "must be a text of 1 to 255 characters",
  q: "must be a text of 1 to 200 characters",
};
