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

const KINDS = {
  set: type({ "+": "reject", op: "'set'", path, value: "unknown" }),
  remove: type({ "+": "reject", op: "'remove'", path: memberPath }),
  rename: type({
    "+": "reject",
    op: "'rename'",
    path: memberPath,
    to: type(/^[^\0\p{Cs}]{1,200}$/u).describe("a member's name of 1 to 200 characters"),
  }),
  cast: type({ "+": "reject", op: "'cast'", path, to: type.enumerated(...CASTS) }),
  jsonata: type({
    "+": "reject",
    op: "'jsonata'",
    expression: type("string")
      .moreThanLength(0)
      .atMostLength(EXPRESSION_LENGTH_MAX)
      .describe(`a JSONata expression of 1 to ${EXPRESSION_LENGTH_MAX} characters`),
  }),
};

export const stepType = KINDS.set.or(KINDS.remove).or(KINDS.rename).or(KINDS.cast).or(KINDS.jsonata);

export const stepsType = stepType.array().atMostLength(STEPS_MAX);

export type Step = typeof stepType.infer;
export type SimpleStep = Exclude<Step, { op: "jsonata" }>;
export type Cast = (typeof CASTS)[number];

/** Checks each step by its kind: errors of a union would name the members of all kinds. @throws InvalidInputError */
export function readSteps(given: unknown): readonly Step[] {
  if (!Array.isArray(given)) throw new InvalidInputError("steps", "steps must be a list of steps");
  if (given.length > STEPS_MAX) throw new InvalidInputError("steps", `steps must be at most ${STEPS_MAX}`);
  return given.map(readStep);
}

function readStep(given: unknown, index: number): Step {
  const { op } = (given ?? {}) as { op?: unknown };
  if (typeof op !== "string" || !isKind(op)) {
    throw new InvalidInputError(
      `steps.${index}.op`,
      `steps.${index}.op must be one of ${Object.keys(KINDS).join(", ")}`,
    );
  }
  const step = KINDS[op](given);
  if (!(step instanceof type.errors)) return step;
  const [problem] = step;
  const name = ["steps", index, ...(problem?.path ?? [])].map(String).join(".");
  throw new InvalidInputError(name, `${name} must be ${problem?.expected}`);
}

function isKind(op: string): op is keyof typeof KINDS {
  return Object.hasOwn(KINDS, op);
}
