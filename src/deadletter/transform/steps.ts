/**
 * The steps of a transformation: a JSON list enters, validated steps leave. Paths are JSON pointers; in an array, `#` or
 * `*` stands for every item.
 */
import { type } from "../../config/types.ts";
import { InvalidInputError } from "../../contract/errors.ts";

const POINTER = /^(?=.{0,500}$)(\/([^~/\0\p{Cs}]|~[01])*)*$/u;
const BELOW_ROOT = /^(?=.{1,500}$)(\/([^~/\0\p{Cs}]|~[01])*)+$/u;

const path = type(POINTER).describe("a JSON pointer such as /items/#/price");
const memberPath = type(BELOW_ROOT).describe("a JSON pointer such as /items/#/price");

/** What `cast` makes of a value. */
export const CASTS = ["number", "integer", "string", "boolean", "json"] as const;

export const STEPS_MAX = 100;
export const EXPRESSION_LENGTH_MAX = 10_000;

export const stepType = type({ "+": "reject", op: "'set'", path, value: "unknown" })
  .or({ "+": "reject", op: "'remove'", path: memberPath })
  .or({
    "+": "reject",
    op: "'rename'",
    path: memberPath,
    to: type(/^[^\0\p{Cs}]{1,200}$/u).describe("a member's name of 1 to 200 characters"),
  })
  .or({ "+": "reject", op: "'cast'", path, to: type.enumerated(...CASTS) })
  .or({
    "+": "reject",
    op: "'jsonata'",
    expression: type("string")
      .moreThanLength(0)
      .atMostLength(EXPRESSION_LENGTH_MAX)
      .describe(`a JSONata expression of 1 to ${EXPRESSION_LENGTH_MAX} characters`),
  });

export const stepsType = stepType.array().atMostLength(STEPS_MAX);

export type Step = typeof stepType.infer;
export type SimpleStep = Exclude<Step, { op: "jsonata" }>;
export type Cast = (typeof CASTS)[number];

/** @throws InvalidInputError */
export function readSteps(given: unknown): readonly Step[] {
  const steps = stepsType(given);
  if (!(steps instanceof type.errors)) return steps;
  const [problem] = steps;
  const name = ["steps", ...(problem?.path ?? [])].map(String).join(".");
  throw new InvalidInputError(name, `${name} must be ${problem?.expected}`);
}
