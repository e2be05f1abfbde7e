/** A payload and its problems as a person gets to see them: bounded, with each problem's place, and masked or not. */
import { isUtf8 } from "node:buffer";
import type { Problem } from "../../contract/rejection.ts";
import { locate, type Range } from "./locate.ts";
import { type Mask, treeOf } from "./mask.ts";

export type PayloadView = Readonly<{
  bytes: number;
  /** Whether the content is text, or bytes in base64. */
  encoding: "text" | "base64";
  content: string;
  /** Where the content begins in the payload: in UTF-16 units of a text, else in bytes. */
  offset: number;
  /** Whether that is all of it. */
  isWhole: boolean;
  isMasked: boolean;
}>;

/** A problem with its place in the payload, in the unit of the view. */
export type LocatedProblem = Problem & Readonly<{ range?: Range }>;

export type LetterView = Readonly<{ payload: PayloadView; problems: readonly LocatedProblem[] }>;

export function viewPayload(payload: Buffer, problems: readonly Problem[], mask: Mask): LetterView {
  const shown = problems.map((problem) => mask.problem(problem));
  const isMasked = !mask.hidesNothing;
  if (!isUtf8(payload)) {
    const located = shown.map((problem) => withRange(problem, rangeAt(problem.byteOffset, payload.length)));
    const window = windowAround(located[0]?.range, payload.length, BYTES_SHOWN_MAX);
    const part = payload.subarray(window.start, window.end);
    const content = mask.bytes(part).toString("base64");
    return {
      payload: viewOf("base64", content, window, payload.length, payload.length, isMasked),
      problems: located,
    };
  }
  const text = payload.toString("utf8");
  const tree = treeOf(text);
  const located = shown.map((problem) => withRange(problem, locate(problem, text, tree)));
  const window = windowAround(located[0]?.range, text.length, TEXT_SHOWN_MAX);
  // A large text is masked in part only; that part begins at the front, so no value is cut off from its name.
  const content =
    text.length > MASKED_WHOLE_MAX
      ? mask.text(text.slice(window.start, window.end))
      : mask.text(text).slice(window.start, window.end);
  return {
    payload: viewOf("text", content, window, text.length, payload.length, isMasked),
    problems: located,
  };
}

function withRange(problem: Problem, range: Range | undefined): LocatedProblem {
  return range ? { ...problem, range } : problem;
}

function rangeAt(offset: number | undefined, length: number): Range | undefined {
  return offset === undefined ? undefined : { start: offset, end: Math.min(length, offset + 1) };
}

/** The part to show: all, or what lies around the first problem. */
function windowAround(place: Range | undefined, length: number, shownMax: number): Range {
  if (length <= shownMax || length > MASKED_WHOLE_MAX) return { start: 0, end: Math.min(length, shownMax) };
  const start = Math.max(0, Math.min((place?.start ?? 0) - shownMax / 2, length - shownMax));
  return { start, end: start + shownMax };
}

function viewOf(
  encoding: PayloadView["encoding"],
  content: string,
  { start, end }: Range,
  length: number,
  bytes: number,
  isMasked: boolean,
): PayloadView {
  return { bytes, encoding, content, offset: start, isWhole: end - start === length, isMasked };
}

/** What a page shows without becoming slow; all of it can be downloaded. */
const TEXT_SHOWN_MAX = 128 * 1024;
const BYTES_SHOWN_MAX = 4 * 1024;

/** Finding personal values in more than this would hold up everything else. */
const MASKED_WHOLE_MAX = 1024 * 1024;
