/** The words that several documents of dead letters and messages share. */
import { scope, type } from "arktype";
import { REJECTION_CODES } from "../contract/rejection.ts";
import { words } from "../contract/values/shapes.ts";
import { STATES } from "../projector/dead-letters-table.ts";

const scoped = scope({
  ...words,
  code: type.enumerated(...REJECTION_CODES),
  state: type.enumerated(...STATES),
  /** What dead letters with the same cause have in common. */
  fingerprint: type(/^[0-9a-f]{16}$/).describe("16 hexadecimal digits, as the groups show it"),
  outcome: "'pending' | 'projected' | 'duplicate' | 'dead'",
  /** One thing that is wrong with a message. */
  problem: {
    path: type("string").describe("JSON pointer (RFC 6901); empty for the whole document"),
    rule: "string",
    expected: "string",
    received: type("string").describe("the type of the value that was found"),
    "excerpt?": type("string").describe("its beginning; masked if it is personal"),
    "byte_offset?": "count",
    "range?": { start: "count", end: "count" },
    "positions?": { "expected?": "position", "received?": "position" },
  },
  diff: type({ kind: "'same' | 'removed' | 'added' | 'skipped'", text: "string" }).array(),
});

/** Defines a document. */
export const shape = scoped.type;
export const shapes = scoped.export();

export type ProblemDocument = typeof shapes.problem.infer;
