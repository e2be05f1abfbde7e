/** Suggests steps for a letter: its problems enter; steps that probably repair it leave. */
import type { Problem } from "../../contract/rejection.ts";
import { foldIndexes } from "../../projector/fingerprint.ts";
import type { Cast, Step } from "./steps.ts";

export function suggestSteps(problems: readonly Problem[]): Step[] {
  const steps = new Map<string, Step>();
  for (const problem of problems) {
    const path = foldIndexes(problem.path);
    const step = steps.size < SUGGESTED_MAX && path !== "" ? suggest(path, problem) : undefined;
    if (step) steps.set(path, step);
  }
  return [...steps.values()];
}

function suggest(path: string, { rule, expected, received }: Problem): Step | undefined {
  if (rule === "required") return { op: "set", path, value: null };
  const to = castFor(expected, received);
  return to && { op: "cast", path, to };
}

function castFor(expected: string, received: string): Cast | undefined {
  const isText = received === "string";
  if (isText && /\b(object|array)\b/.test(expected)) return "json";
  if (isText && /\bnumber\b/.test(expected)) return "number";
  if (isText && /\b(boolean|true|false)\b/.test(expected)) return "boolean";
  const isScalar = received === "number" || received === "boolean";
  return isScalar && /\b(string|text|characters)\b/.test(expected) ? "string" : undefined;
}

/** More would not be read. */
const SUGGESTED_MAX = 5;
