/** A payload for display: bounded, masked or not, with the range of each problem. */
import { isUtf8 } from "node:buffer";
import { type Problem, pointerTo } from "../../contract/rejection.ts";
import { walkableLength, walkJson } from "./json-walk.ts";
import { locateAll, type Range } from "./locate.ts";
import type { Mask } from "./mask.ts";

export type PayloadView = Readonly<{
  bytes: number;
  encoding: "text" | "base64";
  content: string;
  /** Length of the whole payload: UTF-16 units for text, else bytes. */
  length: number;
  /** Start of the content in the payload, in the unit of `length`. */
  offset: number;
  /** The open objects and arrays around a content that begins at a value within a document. */
  within?: Within;
  isWhole: boolean;
  isMasked: boolean;
}>;

/** `path`: JSON pointer to the first value. `open`: a bracket for each step of it. */
export type Within = Readonly<{ path: string; open: string }>;

/** In the unit of `PayloadView.offset`. */
export type LocatedProblem = Problem & Readonly<{ range?: Range }>;

export type LetterView = Readonly<{ payload: PayloadView; problems: readonly LocatedProblem[] }>;

/** @param from start of a part that the operator asked for; by default, the part around the first problem. */
export function viewPayload(
  payload: Buffer,
  problems: readonly Problem[],
  mask: Mask,
  from?: number,
): LetterView {
  return isUtf8(payload) ? viewText(payload, problems, mask, from) : viewBytes(payload, problems, mask, from);
}

function viewText(payload: Buffer, problems: readonly Problem[], mask: Mask, from?: number): LetterView {
  const text = payload.toString("utf8");
  const walkable = walkableLength(text);
  const ranges = locateAll(problems, text, walkable === text.length);
  const located = problems.map((problem, index) => withRange(mask.problem(problem), ranges[index]));
  const wanted = windowOf(ranges[0], from, text.length, TEXT_SHOWN_MAX);
  const within = wanted.start > 0 ? withinAt(text, wanted.start, walkable) : undefined;
  const window = { start: within?.start ?? wanted.start, end: wanted.end };
  return {
    payload: {
      bytes: payload.length,
      encoding: "text",
      content: mask.part(text, window, walkable),
      length: text.length,
      offset: window.start,
      ...(within ? { within: within.within } : {}),
      isWhole: window.end - window.start === text.length,
      isMasked: !mask.hidesNothing,
    },
    problems: located,
  };
}

function viewBytes(payload: Buffer, problems: readonly Problem[], mask: Mask, from?: number): LetterView {
  const located = problems.map((problem) =>
    withRange(mask.problem(problem), rangeAt(problem.byteOffset, payload.length)),
  );
  const window = windowOf(located[0]?.range, from, payload.length, BYTES_SHOWN_MAX);
  return {
    payload: {
      bytes: payload.length,
      encoding: "base64",
      content: mask.bytes(payload, window).toString("base64"),
      length: payload.length,
      offset: window.start,
      isWhole: window.end - window.start === payload.length,
      isMasked: !mask.hidesNothing,
    },
    problems: located,
  };
}

function withRange(problem: Problem, range: Range | undefined): LocatedProblem {
  return range ? { ...problem, range } : problem;
}

function rangeAt(offset: number | undefined, length: number): Range | undefined {
  return offset === undefined ? undefined : { start: offset, end: Math.min(length, offset + 1) };
}

function windowOf(
  place: Range | undefined,
  from: number | undefined,
  length: number,
  { around, more }: Readonly<{ around: number; more: number }>,
): Range {
  if (from !== undefined) return { start: Math.min(from, length), end: Math.min(length, from + more) };
  const start = Math.max(0, Math.min((place?.start ?? 0) - around / 2, length - around));
  return { start, end: Math.min(length, start + around) };
}

/** @returns undefined if no value begins shortly before, the text before cannot be walked, or the pointer is too long. */
function withinAt(
  text: string,
  start: number,
  walkable: number,
): Readonly<{ start: number; within: Within }> | undefined {
  if (walkable < start) return undefined;
  let last: Readonly<{ place: Step | undefined; start: number }> = { place: undefined, start: 0 };
  walkJson<Step | undefined>(
    text,
    undefined,
    {
      member: (above, name) => ({ above, open: "{", name }),
      element: (above, index) => ({ above, open: "[", name: String(index) }),
      value: (place, valueStart) => {
        last = { place, start: valueStart };
      },
    },
    start,
  );
  if (start - last.start > LEAD_MAX) return undefined;
  const names: string[] = [];
  let open = "";
  for (let step = last.place; step; step = step.above) {
    names.unshift(step.name);
    open = step.open + open;
  }
  const path = pointerTo(names);
  return path.endsWith("…") ? undefined : { start: last.start, within: { path, open } };
}

type Step = Readonly<{ above: Step | undefined; open: "{" | "["; name: string }>;

/** A larger part makes the answer slow for everyone who does not ask for it. `more`: if the operator asks for a part. */
const TEXT_SHOWN_MAX = { around: 128 * 1024, more: 1024 * 1024 };
const BYTES_SHOWN_MAX = { around: 4 * 1024, more: 16 * 1024 };

/** Characters before the part, up to the start of a value. Less than half of the part, so that it holds the problem. */
const LEAD_MAX = 16 * 1024;
