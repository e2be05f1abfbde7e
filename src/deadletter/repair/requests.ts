/** The bodies of operators' requests: checked once, here, for the server, the commands and the API document. */
import { type } from "arktype";
import { InvalidInputError } from "../../contract/errors.ts";
import { words } from "../../contract/values/shapes.ts";
import { filterType } from "../find/filter.ts";

/**
 * One line of 1 to 100 characters: shown to others, so nothing in it may steer a terminal, and not blank: Hangul fillers,
 * variation selectors, accents without a letter and the empty Braille cell show nothing by themselves.
 */
const author = type(
  /^(?=.*[^\s\p{M}\p{Default_Ignorable_Code_Point}\u2800])[^\p{Cc}\p{Cf}\u2028\u2029]{1,100}$/u,
).describe("one line of 1 to 100 visible characters");
const reason = type(
  /^(?=.*[^\s\p{M}\p{Default_Ignorable_Code_Point}\u2800])[^\p{Cc}\p{Cf}\u2028\u2029]{1,1000}$/u,
).describe("one line of 1 to 1000 visible characters");

export const operatorType = type({
  "+": "reject",
  "author?": author,
  "reason?": reason,
});

/** Who acts and why, from the parameters of an address. @throws InvalidInputError */
export function readOperator(given: Readonly<Record<string, string | undefined>>): typeof operatorType.infer {
  const texts = Object.entries(given).filter(([, text]) => text !== undefined);
  const operator = operatorType(Object.fromEntries(texts));
  if (!(operator instanceof type.errors)) return operator;
  const name = String(operator[0]?.path[0] ?? "query");
  throw new InvalidInputError(name, `${name} must be ${operator[0]?.expected}`);
}

export const decisionType = type({
  "+": "reject",
  author,
  reason,
});

export const redriveType = type({
  "+": "reject",
  "payload?": "string",
  "author?": author,
  "reason?": reason,
});

/** How many letters one bulk redrive may take. */
export const bulkLimits = { least: 1, most: 1_000_000, fallback: 10_000 } as const;

export const redriveManyType = type({
  "+": "reject",
  filter: filterType,
  "limit?": type.keywords.number.integer.atLeast(bulkLimits.least).atMost(bulkLimits.most),
  "failures_max?": words.count.atMost(bulkLimits.most),
  "author?": author,
  "reason?": reason,
});
