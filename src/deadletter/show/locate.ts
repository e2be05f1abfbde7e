/** Locates problems in a payload's text: JSON pointers and byte offsets enter, ranges leave. */
import type { Problem } from "../../contract/rejection.ts";
import { walkJson } from "./json-walk.ts";

/** Half-open, in UTF-16 units. */
export type Range = Readonly<{ start: number; end: number }>;

/**
 * @param isDocument whether the text is JSON; otherwise only byte offsets can be located.
 * @returns per problem its range, or that of the nearest enclosing value; undefined if there is none.
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

/** Wanted pointers as a tree, with the ranges found. */
type Wanted = Map<string | number, Wanted> & { range?: Range };

/** @returns the pointer's places, from the document down. */
function wantedAt(root: Wanted, pointer: string): Wanted[] {
  const places = [root];
  let here = root;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const next: Wanted = here.get(name) ?? new Map();
    here.set(name, next);
    // Elements are looked up by number: a text for each of half a million takes longer than the walk.
    if (/^\d+$/.test(name)) here.set(Number(name), next);
    places.push(next);
    here = next;
  }
  return places;
}

/** The last of repeated members wins: the repetition is the problem. */
function findAll(text: string, root: Wanted): void {
  walkJson<Wanted | undefined>(text, root, {
    member: (place, name) => (place?.size ? place.get(name) : undefined),
    element: (place, index) => (place?.size ? place.get(index) : undefined),
    value: (place, start, end) => {
      // For an object or array, only its opening bracket.
      if (place) place.range = { start, end };
    },
  });
}

function rangeAt(text: string, byteOffset: number): Range {
  const start = Buffer.from(text).subarray(0, byteOffset).toString().length;
  return { start, end: Math.min(text.length, start + 1) };
}
