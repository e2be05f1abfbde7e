/** Diffs two payloads line by line and folds long equal parts. */
import { diffArrays } from "diff";
import { type Line, layOut } from "./layout.ts";

export type DiffLine = Readonly<{
  kind: "same" | "removed" | "added" | "skipped";
  /** For `skipped`: the number of omitted equal lines. */
  text: string;
}>;

/**
 * Compares the payloads themselves, so that a hidden value that differs is a change too.
 * @param show for example masks a payload; the length stays the same.
 * @returns undefined if the payloads are too large or too different.
 */
export function diffPayloads(
  before: string,
  after: string,
  show: (text: string) => string,
): DiffLine[] | undefined {
  if (before.length + after.length > LENGTH_MAX) return undefined;
  const old = layOut(before, LINES_MAX, show(before));
  const now = old && layOut(after, LINES_MAX, show(after));
  if (!old || !now) return undefined;
  const isEqual = (one: Line | undefined, other: Line | undefined) => one?.text === other?.text;
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && isEqual(old[head], now[head])) head++;
  let tail = 0;
  while (tail < shorter - head && isEqual(old[old.length - 1 - tail], now[now.length - 1 - tail])) tail++;
  const changes = diffArrays(old.slice(head, old.length - tail), now.slice(head, now.length - tail), {
    maxEditLength: EDIT_LINES_MAX,
    comparator: isEqual,
  });
  return (
    changes &&
    fold([
      { kind: "same", lines: old.slice(0, head) },
      ...changes.map(
        ({ value, added, removed }): Part => ({
          kind: added ? "added" : removed ? "removed" : "same",
          lines: value,
        }),
      ),
      { kind: "same", lines: old.slice(old.length - tail) },
    ])
  );
}

type Part = Readonly<{ kind: "same" | "removed" | "added"; lines: readonly Line[] }>;

function fold(parts: readonly Part[]): DiffLine[] {
  return parts.flatMap(({ kind, lines }, index): DiffLine[] => {
    const shown = lines.map((line) => line.shown);
    if (kind !== "same") return shown.map((text) => ({ kind, text }));
    return foldSame(shown, index === 0, index === parts.length - 1);
  });
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

/** Both payloads together: some 10 ms of work. */
const LENGTH_MAX = 512 * 1024;

/** More than a message of a thousand items has. */
const LINES_MAX = 20_000;

/** Quadratic: 20 ms for this many. A time limit would make the result depend on the load. */
const EDIT_LINES_MAX = 500;
