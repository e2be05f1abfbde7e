/** Diffs two payloads line by line and folds long equal parts. */
import { diffArrays } from "diff";
import { layOut } from "./layout.ts";

export type DiffLine = Readonly<{
  kind: "same" | "removed" | "added" | "skipped";
  /** For `skipped`: the number of omitted equal lines. */
  text: string;
}>;

/**
 * @param show for example masks a payload.
 * @returns undefined if the payloads are too large or too different.
 */
export function diffPayloads(
  before: string,
  after: string,
  show: (text: string) => string,
): DiffLine[] | undefined {
  if (before.length + after.length > LENGTH_MAX) return undefined;
  const old = layOut(show(before), LINES_MAX);
  const now = old && layOut(show(after), LINES_MAX);
  if (!old || !now) return undefined;
  const head = countEqual(old, now, (lines, index) => lines[index]);
  const rest = Math.min(old.length, now.length) - head;
  const tail = Math.min(
    rest,
    countEqual(old, now, (lines, index) => lines[lines.length - 1 - index]),
  );
  const changes = diffArrays(old.slice(head, old.length - tail), now.slice(head, now.length - tail), {
    maxEditLength: EDIT_LINES_MAX,
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

type Part = Readonly<{ kind: "same" | "removed" | "added"; lines: readonly string[] }>;

function countEqual(
  old: readonly string[],
  now: readonly string[],
  at: (lines: readonly string[], index: number) => string | undefined,
): number {
  const most = Math.min(old.length, now.length);
  let count = 0;
  while (count < most && at(old, count) === at(now, count)) count++;
  return count;
}

function fold(parts: readonly Part[]): DiffLine[] {
  return parts.flatMap(({ kind, lines }, index): DiffLine[] => {
    if (kind !== "same") return lines.map((text) => ({ kind, text }));
    return foldSame(lines, index === 0, index === parts.length - 1);
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
