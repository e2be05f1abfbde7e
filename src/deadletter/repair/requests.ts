/** Request bodies for routes, commands and the API document. */
import { author } from "../../config/operators-file.ts";
import { compiled, type } from "../../config/types.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import type { Request } from "../../contract/route.ts";
import { signed } from "../../contract/signer.ts";
import { words } from "../../contract/values/shapes.ts";
import { filterType } from "../find/filter.ts";
import { stepsType } from "../transform/steps.ts";

/** Visible, as an author is. */
const reason = type(
  /^(?=.*[^\s\p{M}\p{Default_Ignorable_Code_Point}\u2800])[^\p{Cc}\p{Cf}\u2028\u2029]{1,1000}$/u,
).describe("one line of 1 to 1000 visible characters");

export const operatorType = compiled({
  "+": "reject",
  "author?": author,
  "reason?": reason,
}).configure({ title: "Operator" }, "self");

/**
 * Author and reason in a query. The author is the operator who is signed in by name, else the query's.
 * @throws InvalidInputError
 */
export function readOperator(
  request: Pick<Request, "signer">,
  given: Readonly<Record<string, string | undefined>>,
): typeof operatorType.infer & { isVerified: boolean } {
  const texts = Object.entries(signed(request, given)).filter(([, text]) => text !== undefined);
  const operator = operatorType(Object.fromEntries(texts));
  if (!(operator instanceof type.errors)) return { ...operator, isVerified: request.signer !== undefined };
  const name = String(operator[0]?.path[0] ?? "query");
  throw new InvalidInputError(name, `${name} must be ${operator[0]?.expected}`);
}

export const decisionType = compiled({
  "+": "reject",
  author,
  reason,
}).configure({ title: "Decision" }, "self");

export const redriveType = compiled({
  "+": "reject",
  "payload?": "string",
  "author?": author,
  "reason?": reason,
}).configure({ title: "RedriveRequest" }, "self");

/** Letters of one bulk redrive. */
export const bulkLimits = { least: 1, most: 1_000_000, fallback: 10_000 } as const;

/** Letters of one transformation. */
export const transformLimits = { least: 1, most: 100_000, fallback: 10_000 } as const;

export const previewRequestType = compiled({
  "+": "reject",
  filter: filterType,
  steps: stepsType,
  "samples?": type.keywords.number.integer.atLeast(1).atMost(20),
});

export const transformType = compiled({
  "+": "reject",
  filter: filterType,
  steps: stepsType.atLeastLength(1),
  "limit?": type.keywords.number.integer.atLeast(transformLimits.least).atMost(transformLimits.most),
  "failures_max?": words.count.atMost(transformLimits.most),
  "author?": author,
  "reason?": reason,
});

export const redriveManyType = compiled({
  "+": "reject",
  filter: filterType,
  "limit?": type.keywords.number.integer.atLeast(bulkLimits.least).atMost(bulkLimits.most),
  "failures_max?": words.count.atMost(bulkLimits.most),
  "author?": author,
  "reason?": reason,
});

export const decideManyType = redriveManyType.omit("failures_max");
