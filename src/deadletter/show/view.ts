/** A payload for display: bounded, masked or not, with the range of each problem. */
import { isUtf8 } from "node:buffer";
import type { Problem } from "../../contract/rejection.ts";
import { isDocument } from "./json-walk.ts";
import { locateAll, type Range } from "./locate.ts";
import type { Mask } from "./mask.ts";

export type PayloadView = Readonly<{
  bytes: number;
  encoding: "text" | "base64";
  content: string;
  /** Start of the content in the payload: UTF-16 units for text, else bytes. */
  offset: number;
  isWhole: boolean;
  isMasked: boolean;
}>;

/** In the unit of `PayloadView.offset`. */
export type LocatedProblem = Problem & Readonly<{ range?: Range }>;

export type LetterView = Readonly<{ payload: PayloadView; problems: readonly LocatedProblem[] }>;

export function viewPayload(payload: Buffer, problems: readonly Problem[], mask: Mask): LetterView {
  return isUtf8(payload) ? viewText(payload, problems, mask) : viewBytes(payload, problems, mask);
}

function viewText(payload: Buffer, problems: readonly Problem[], mask: Mask): LetterView {
  const text = payload.toString("utf8");
  const isOfDocument = isDocument(text);
  const ranges = locateAll(problems, text, isOfDocument);
  const located = problems.map((problem, index) => withRange(mask.problem(problem), ranges[index]));
  const window = windowAround(ranges[0], text.length, TEXT_SHOWN_MAX);
  return {
    payload: {
      bytes: payload.length,
      encoding: "text",
      content: mask.part(text, window, isOfDocument),
      offset: window.start,
      isWhole: window.end - window.start === text.length,
      isMasked: !mask.hidesNothing,
    },
    problems: located,
  };
}

function viewBytes(payload: Buffer, problems: readonly Problem[], mask: Mask): LetterView {
  const located = problems.map((problem) =>
    withRange(mask.problem(problem), rangeAt(problem.byteOffset, payload.length)),
  );
  const window = windowAround(located[0]?.range, payload.length, BYTES_SHOWN_MAX);
  return {
    payload: {
      bytes: payload.length,
      encoding: "base64",
      content: mask.bytes(payload.subarray(window.start, window.end)).toString("base64"),
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

function windowAround(place: Range | undefined, length: number, shownMax: number): Range {
  const start = Math.max(0, Math.min((place?.start ?? 0) - shownMax / 2, length - shownMax));
  return { start, end: Math.min(length, start + shownMax) };
}

/** Larger views make the page slow; the download has everything. */
const TEXT_SHOWN_MAX = 128 * 1024;
const BYTES_SHOWN_MAX = 4 * 1024;
