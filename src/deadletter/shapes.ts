/** Types that several documents of dead letters and messages share. */
import { scope, type } from "../config/types.ts";
import { REJECTION_CODES } from "../contract/rejection.ts";
import { words } from "../contract/values/shapes.ts";
import { STATES } from "../projector/dead-letters-table.ts";

const base = scope({
  ...words,
  code: type.enumerated(...REJECTION_CODES),
  state: type.enumerated(...STATES),
  fingerprint: type(/^[0-9a-f]{16}$/).describe("16 hexadecimal digits, from a group"),
  outcome: "'pending' | 'projected' | 'duplicate' | 'dead'",
  diff: type({ kind: "'same' | 'removed' | 'added' | 'skipped'", text: "string" }).array(),
});

const problem = base
  .type({
    path: type("string").describe("JSON pointer (RFC 6901); empty for the whole document"),
    rule: "string",
    expected: "string",
    received: type("string").describe("type of the actual value"),
    "excerpt?": type("string").describe("start of the actual value; masked if personal"),
    "byte_offset?": "count",
    "range?": { start: "count", end: "count" },
    "positions?": { "expected?": "position", "received?": "position" },
  })
  .configure({ title: "RejectionProblem" }, "self");

const names = { ...base.export(), problem };
const scoped = scope(names);

export const verified = type("boolean").describe("whether the author signed in with a token of this name");

export const shape = scoped.type;
/** For what callers give: an uncompiled choice describes its mistake twice. */
export const input = scope(names, { jitless: false }).type;
export const shapes = scoped.export();

export type ProblemDocument = typeof shapes.problem.infer;
