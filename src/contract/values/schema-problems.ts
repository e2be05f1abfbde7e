/** Converts arktype's errors to problems, one for each path, PROBLEMS_MAX at most. */
import type { ArkErrors } from "../../config/types.ts";
import { excerptOf, jsonTypeOf, PROBLEMS_MAX, type Problem, pointerTo } from "../rejection.ts";

/**
 * @param expectations in words, by the names of RULES.
 * @param prefix the path of the value in the document.
 */
export function schemaProblems(
  errors: ArkErrors,
  value: unknown,
  expectations: Readonly<Record<string, string>> = {},
  prefix: readonly PropertyKey[] = [],
): Problem[] {
  const problems = new Map<string, Problem>();
  for (const error of errors) {
    if (problems.size === PROBLEMS_MAX) break;
    const path = [...error.path];
    const parent = valueAt(value, path.slice(0, -1));
    // An array in place of an object lacks every member; report only its type.
    const isArrayInstead = error.code === "required" && Array.isArray(parent);
    const problem = isArrayInstead
      ? {
          path: pointerTo([...prefix, ...path.slice(0, -1)]),
          rule: "type",
          expected: "an object",
          received: "array",
          excerpt: excerptOf(parent),
        }
      : { path: pointerTo([...prefix, ...path]), ...describe(error, valueAt(value, path), expectations) };
    problems.set(problem.path, problem);
  }
  return [...problems.values()];
}

function describe(
  error: ArkErrors[number],
  value: unknown,
  expectations: Readonly<Record<string, string>>,
): Omit<Problem, "path"> {
  if (error.code === "required") return { rule: "required", expected: error.expected, received: "nothing" };
  const received = jsonTypeOf(value);
  const excerpt = excerptOf(value);
  const isShortText = error.code === "minLength" && typeof value === "string";
  const rule = isShortText ? "min_length" : (RULES[error.code] ?? error.code);
  return { rule, expected: expectations[rule] ?? error.expected, received, excerpt };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  );
}

/** From arktype's rule names to those of JSON Schema. */
const RULES: Readonly<Record<string, string>> = {
  domain: "type",
  proto: "type",
  divisor: "integer",
  min: "minimum",
  max: "maximum",
  minLength: "min_items",
  intersection: "whole_number",
};
