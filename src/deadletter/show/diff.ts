/** The difference between two payloads as a person reads one: both laid out line by line, long equal parts left out. */
import { diffLines } from "diff";
import { applyEdits, format } from "jsonc-parser";

export type DiffLine = Readonly<{
  kind: "same" | "removed" | "added" | "skipped";
  /** Of `skipped`: how many equal lines were left out, as a text. */
  text: string;
}>;

/**
 * @param show what is done to a text before it is shown, such as masking it.
 * @returns undefined where the two are too large or too different for a difference that anybody could read.
 */
export function diffPayloads(
  before: string,
  after: string,
  show: (text: string) => string,
): DiffLine[] | undefined {
  if (before.length + after.length > LENGTH_MAX) return undefined;
  const changes = diffLines(show(layOut(before)), show(layOut(after)), { timeout: TIMEOUT_MS });
  return changes?.flatMap(({ value, added, removed }, index): DiffLine[] => {
    const lines = value.replace(/\n$/, "").split("\n");
    if (added || removed) return lines.map((text) => ({ kind: added ? "added" : "removed", text }));
    return foldSame(lines, index === 0, index === changes.length - 1);
  });
}

/** One member a line, also of what is not quite JSON; white space is all that changes. */
function layOut(text: string): string {
  const laidOut = applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2, eol: "\n" }));
  return `${laidOut.replace(/\n*$/, "")}\n`;
}

function foldSame(lines: readonly string[], isFirst: boolean, isLast: boolean): DiffLine[] {
  const head = isFirst ? 0 : CONTEXT_LINES;
  const tail = isLast ? 0 : CONTEXT_LINES;
  const same = (text: string): DiffLine => ({ kind: "same", text });
  if (lines.length <= head + tail + 1) return lines.map(same);
  return [
    ...lines.slice(0, head).map(same),
    { kind: "skipped", text: String(lines.length - head - tail) },
    ...lines.slice(lines.length - tail).map(same),
  ];
}

const CONTEXT_LINES = 3;

/** Nobody reads more, and comparing takes the more time the more differs. */
const LENGTH_MAX = 512 * 1024;
const TIMEOUT_MS = 200;
