/** Applies all steps to one payload: bytes enter; new bytes, or the problem of the first failing step, leave. */
import { isUtf8 } from "node:buffer";
import jsonata from "jsonata";
import type { Problem } from "../../contract/rejection.ts";
import { isDocument } from "../show/json-walk.ts";
import { applyStep, StepFailure, tooLong, treeOf, withEdits } from "./edit.ts";
import { editsTo } from "./merge.ts";
import type { Step } from "./steps.ts";

export type Evaluated =
  | Readonly<{ kind: "changed"; payload: Uint8Array; unmatched: readonly number[] }>
  /** `unmatched`: indexes of the steps whose path leads nowhere. */
  | Readonly<{ kind: "unchanged"; unmatched: readonly number[] }>
  /** `step`: its index. */
  | Readonly<{ kind: "failed"; step: number; problem: Problem; isLimit: boolean }>;

type Compiled = (text: string) => Promise<Readonly<{ text: string; isMatched: boolean }>>;

export type Program = readonly Compiled[];

/** An expression that cannot be parsed; `step` is its index. */
export class SyntaxFailure extends Error {
  readonly step: number;

  constructor(step: number, message: string) {
    super(message);
    this.step = step;
  }
}

/** For one payload. */
export type Bounds = Readonly<{ bytesMax: number; timeMsMax: number }>;

/** @throws SyntaxFailure */
export function compile(steps: readonly Step[], { bytesMax, timeMsMax }: Bounds): Program {
  return steps.map((step, index): Compiled => {
    if (step.op !== "jsonata") return async (text) => applyStep(text, step, bytesMax);
    const expression = parseExpression(step.expression, index, timeMsMax);
    return async (text) => {
      const value = await resultOf(expression, text);
      const edits = editsTo(text, treeOf(text), value);
      return { text: withEdits(text, edits, bytesMax), isMatched: true };
    };
  });
}

export async function evaluate(program: Program, payload: Uint8Array, bytesMax: number): Promise<Evaluated> {
  const unmatched: number[] = [];
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const before = bytes.toString();
  if (!isUtf8(bytes) || !isDocument(before)) return failed(0, NO_DOCUMENT);
  let text = before;
  for (const [index, apply] of program.entries()) {
    try {
      const applied = await apply(text);
      if (!applied.isMatched) unmatched.push(index);
      text = applied.text;
      if (Buffer.byteLength(text) > bytesMax) throw tooLong(bytesMax);
      // A document in a text can be deeper than all before.
      if (text !== before && !isDocument(text)) throw new StepFailure(NO_DOCUMENT);
    } catch (error) {
      return failed(index, error instanceof StepFailure ? error.problem : expressionProblem(error), error);
    }
  }
  if (text === before) return { kind: "unchanged", unmatched };
  return { kind: "changed", payload: Buffer.from(text), unmatched };
}

function failed(step: number, problem: Problem, error?: unknown): Evaluated {
  const isLimit = LIMIT_CODES.includes((error as JsonataError | undefined)?.code ?? "");
  return { kind: "failed", step, problem, isLimit };
}

function parseExpression(text: string, step: number, timeout: number): jsonata.Expression {
  try {
    const expression = jsonata(text, { ...GUARDS, timeout });
    // The library's own copy rounds numbers to 15 digits.
    expression.registerFunction("clone", (value) => JSON.parse(JSON.stringify(value)));
    return expression;
  } catch (error) {
    throw new SyntaxFailure(step, (error as Error).message ?? String(error));
  }
}

/** @returns plain JSON. */
async function resultOf(expression: jsonata.Expression, text: string): Promise<unknown> {
  const result = JSON.stringify(await expression.evaluate(JSON.parse(text)));
  if (result !== undefined) return JSON.parse(result);
  throw new StepFailure({
    path: "",
    rule: "jsonata",
    expected: "an expression with a result",
    received: "nothing",
  });
}

type JsonataError = { code?: string; message?: string; value?: unknown };

/** Values in the library's messages can be personal. */
function expressionProblem(error: unknown): Problem {
  const { code, message = "it failed", value } = error as JsonataError;
  const withoutValue =
    value === undefined
      ? message
      : message.replaceAll(JSON.stringify(value), "…").replaceAll(String(value), "…");
  return {
    path: "",
    rule: "jsonata",
    expected: "an expression that succeeds",
    received: `${code ?? "an error"}: ${withoutValue}`.slice(0, MESSAGE_LENGTH_MAX),
  };
}

const NO_DOCUMENT: Problem = {
  path: "",
  rule: "json",
  expected: "a JSON document of at most 1 MiB and 1,000 levels",
  received: "other bytes",
};

/** Bounds of one evaluation, beside its time. The thread and its process bound what these miss, such as a single huge text. */
const GUARDS = { stack: 500, sequence: 100_000 };

/** JSONata's codes of these bounds. */
const LIMIT_CODES = ["D1011", "D1012", "D2014", "D2015"];

const MESSAGE_LENGTH_MAX = 300;
