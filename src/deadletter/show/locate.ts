/** Finds the places of problems in the text of a payload: JSON pointers and byte offsets enter, ranges leave. */
import type { Problem } from "../../contract/rejection.ts";
import { walkJson } from "./json-walk.ts";

/** From one index of the text up to, and without, another; in UTF-16 units, as a page counts them. */
export type Range = Readonly<{ start: number; end: number }>;

/**
 * @param isDocument whether the text is a JSON document; otherwise only byte offsets have a place.
 * @returns for each problem its range, or that of the nearest value around it that exists; undefined if there is none.
 */
export function locateAll(
  problems: readonly Problem[],
  text: string,
  isDocument: boolean,
): (Range | undefined)[] {
  const root: Wanted = new Map();
  const wanted = problems.map(({ path, byteOffset }) =>
    byteOffset === undefined ? wantedAt(root, path) : undefined,
  );
  if (isDocument && wanted.some((path) => path !== undefined)) findAll(text, root);
  return problems.map(({ byteOffset }, index) =>
    byteOffset === undefined
      ? wanted[index]?.findLast(({ range }) => range)?.range
      : rangeAt(text, byteOffset),
  );
}

/** The steps of a pointer that are looked for, each with what is looked for below it, and the range once it is found. */
type Wanted = Map<string, Wanted> & { range?: Range };

/** Adds a pointer. @returns the places on its way, from the document to the place itself. */
function wantedAt(root: Wanted, pointer: string): Wanted[] {
  const way = [root];
  let here = root;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const next: Wanted = here.get(name) ?? new Map();
    here.set(name, next);
    way.push(next);
    here = next;
  }
  return way;
}

/** If a name stands twice, the last is meant: the first one was not yet wrong. */
function findAll(text: string, root: Wanted): void {
  walkJson<Wanted | undefined>(text, root, {
    member: (place, start, end) =>
      place?.size ? place.get(JSON.parse(text.slice(start, end)) as string) : undefined,
    element: (place, index) => (place?.size ? place.get(String(index)) : undefined),
    value: (place, start, end) => {
      // The beginning of an object or array is enough to find it.
      if (place) place.range = { start, end };
    },
  });
}

function rangeAt(text: string, byteOffset: number): Range {
  const start = Buffer.from(text).subarray(0, byteOffset).toString().length;
  return { start, end: Math.min(text.length, start + 1) };
}
