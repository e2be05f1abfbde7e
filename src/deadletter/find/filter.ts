/** Filters of dead letters, from a URL query, a bulk redrive's body or command options. Errors name the parameter. */
import { type ArkErrors, type } from "../../config/types.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import { parseDateTime } from "../../contract/values/date-time.ts";
import { parsePosition } from "../../contract/values/integers.ts";
import { foldIndexes } from "../../projector/fingerprint.ts";
import { input } from "../shapes.ts";

/** Text that PostgreSQL accepts: Unicode without NUL and lone surrogates. */
export const text = (lengthMax: number) =>
  type(new RegExp(`^[^\\0\\p{Cs}]{1,${lengthMax}}$`, "u")).describe(
    `Unicode text of 1 to ${lengthMax} characters`,
  );

const TIME = "a date such as 2026-11-21 or a date-time such as 2026-11-21T06:22:19Z";

export const time = type("string")
  .describe(TIME)
  .pipe((given, context) => {
    const parsed = parseDateTime(DATE.test(given) ? `${given}T00:00:00Z` : given);
    return parsed === undefined ? context.error(TIME) : new Date(parsed);
  });

const path = type(/^(\/([^~/\0\p{Cs}]|~[01])*)*$/u).describe("a JSON pointer such as /items/#/price");

const POSITIONS = "1 to 500 positions such as 17,18,21";

/** As many as a page of the list has. */
const positions = type(/^[0-9]{1,19}(,[0-9]{1,19}){0,499}$/)
  .describe(POSITIONS)
  .narrow(
    (list, context) =>
      list.split(",").every((position) => parsePosition(position) !== undefined) || context.reject(POSITIONS),
  );

/** `path`: problems at this JSON pointer (indexes folded) or below. `q`: text in the payload. */
export const filterType = input({
  "+": "reject",
  "domain?": text(64),
  "state?": "state",
  "code?": "code",
  "fingerprint?": "fingerprint",
  "channel?": text(255),
  "path?": path.pipe(foldIndexes),
  "since?": time,
  "until?": time,
  "q?": text(200),
  "positions?": positions,
}).narrow((filter, context) => {
  // An empty array would pass as an object.
  if (Array.isArray(filter)) return context.reject({ expected: "an object", actual: "an array" });
  const { since, until } = filter;
  return (
    !(since && until && since >= until) || context.reject({ path: ["until"], expected: "later than since" })
  );
});

export type DeadLetterFilter = Readonly<typeof filterType.infer>;

/** @throws InvalidInputError */
export function readFilter(given: unknown): DeadLetterFilter {
  const filter = filterType(given);
  if (filter instanceof type.errors) throw invalid(filter);
  return filter;
}

function invalid([problem]: ArkErrors): InvalidInputError {
  const name = String(problem?.path[0] ?? "filter");
  const isUnknown = problem?.expected === "removed";
  return new InvalidInputError(
    name,
    isUnknown ? `unknown filter ${name}` : `${name} must be ${problem?.expected}`,
  );
}

const DATE = /^\d{4}-\d\d-\d\d$/;
