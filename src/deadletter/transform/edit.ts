/**
 * One simple step on one JSON text: only the named places change, and everything else keeps its bytes: digits, white
 * space, escapes, repeated members. A path that leads nowhere changes nothing.
 */
import { type Node, parseTree } from "jsonc-parser";
import { excerptOf, type Problem, pointerTo } from "../../contract/rejection.ts";
import { castText } from "./cast.ts";
import type { Cast, SimpleStep } from "./steps.ts";

/** The step cannot be applied to this document. */
export class StepFailure extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.path}: ${problem.expected}`);
    this.problem = problem;
  }
}

/** Half-open, in UTF-16 units. */
export type Edit = Readonly<{ start: number; end: number; text: string }>;

export type Applied = Readonly<{ text: string; isMatched: boolean }>;

/**
 * @param text a JSON document.
 * @throws StepFailure
 */
export function applyStep(text: string, step: SimpleStep, lengthMax: number): Applied {
  const root = treeOf(text);
  const names = step.path.split("/").slice(1).map(unescaped);
  const found = placesAt(root, names);
  const edits =
    step.op === "set"
      ? setEdits(text, root, names, found, JSON.stringify(step.value))
      : step.op === "remove"
        ? removeEdits(found)
        : found.flatMap((place) =>
            step.op === "cast" ? castEdits(text, place, step.to) : renameEdits(place, step.to),
          );
  return { text: withEdits(text, edits, lengthMax), isMatched: found.length > 0 || edits.length > 0 };
}

export function treeOf(text: string): Node {
  return parseTree(text, [], { disallowComments: true }) as Node;
}

/** @throws StepFailure if the result is longer than `lengthMax`. */
export function withEdits(text: string, edits: readonly Edit[], lengthMax: number): string {
  if (edits.length === 0) return text;
  const growth = edits.reduce((sum, edit) => sum + edit.text.length - (edit.end - edit.start), 0);
  if (text.length + growth > lengthMax) throw tooLong(lengthMax);
  const parts: string[] = [];
  let end = 0;
  for (const edit of edits.toSorted((one, other) => one.start - other.start || one.end - other.end)) {
    parts.push(text.slice(end, edit.start), edit.text);
    end = edit.end;
  }
  return parts.join("") + text.slice(end);
}

export function tooLong(bytesMax: number): StepFailure {
  return new StepFailure({
    path: "",
    rule: "bytes_max",
    expected: `a result of at most ${bytesMax} bytes`,
    received: "a longer result",
  });
}

export type Place = Readonly<{ node: Node; path: readonly (string | number)[] }>;

/** All places that the path matches; repeated members match together. */
function placesAt(root: Node, names: readonly string[]): Place[] {
  let places: Place[] = [{ node: root, path: [] }];
  for (const name of names) places = places.flatMap((place) => below(place, name));
  return places;
}

function below({ node, path }: Place, name: string): Place[] {
  const children = node.children ?? [];
  if (node.type === "object") {
    return children.flatMap(({ children: [key, value] = [] }) =>
      key?.value === name && value ? [{ node: value, path: [...path, name] }] : [],
    );
  }
  if (node.type !== "array") return [];
  if (name === "#" || name === "*") {
    return children.map((child, index) => ({ node: child, path: [...path, index] }));
  }
  const child = INDEX.test(name) ? children[Number(name)] : undefined;
  return child ? [{ node: child, path: [...path, Number(name)] }] : [];
}

function setEdits(
  text: string,
  root: Node,
  names: readonly string[],
  found: readonly Place[],
  value: string,
): Edit[] {
  const edits = found.flatMap(({ node }) => replaceEdits(text, node, value));
  const name = names.at(-1);
  if (name === undefined) return edits;
  // Objects without the member get it; an array gets an item after its last.
  for (const { node } of placesAt(root, names.slice(0, -1))) {
    const length = node.children?.length ?? 0;
    if (node.type === "object" && below({ node, path: [] }, name).length === 0) {
      edits.push(addEdit(text, node, [[name, value]]));
    } else if (node.type === "array" && (name === "-" || (INDEX.test(name) && Number(name) === length))) {
      edits.push(addItemEdit(text, node, value));
    }
  }
  return edits;
}

export function replaceEdits(text: string, node: Node, value: string): Edit[] {
  const [start, end] = [node.offset, endOf(node)];
  return text.slice(start, end) === value ? [] : [{ start, end, text: value }];
}

/** Adds members after the last one, spaced like it. */
export function addEdit(text: string, object: Node, members: readonly (readonly [string, string])[]): Edit {
  const last = object.children?.at(-1);
  const start = last ? endOf(last) : object.offset + 1;
  const [key, value] = last?.children ?? [];
  const gap = last ? gapBefore(text, last) : "";
  const colon = key && value ? text.slice(endOf(key), value.offset) : ":";
  const added = members.map(([name, json]) => `${JSON.stringify(name)}${colon}${json}`);
  return { start, end: start, text: `${last ? `,${gap}` : ""}${added.join(`,${gap}`)}` };
}

function addItemEdit(text: string, array: Node, value: string): Edit {
  const last = array.children?.at(-1);
  const start = last ? endOf(last) : array.offset + 1;
  return { start, end: start, text: last ? `,${gapBefore(text, last)}${value}` : value };
}

function gapBefore(text: string, node: Node): string {
  let start = node.offset;
  while (start > 0 && " \t\r\n".includes(text[start - 1] as string)) start--;
  return text.slice(start, node.offset);
}

function removeEdits(found: readonly Place[]): Edit[] {
  const byParent = new Map<Node, Set<Node>>();
  for (const { node } of found) {
    const entry = node.parent?.type === "property" ? node.parent : node;
    const parent = entry.parent as Node;
    const removed = byParent.get(parent) ?? new Set();
    byParent.set(parent, removed.add(entry));
  }
  return [...byParent].flatMap(([parent, removed]) => withoutChildren(parent, removed));
}

/** Removes members or items with the comma that separates them from what stays. */
export function withoutChildren(parent: Node, removed: ReadonlySet<Node>): Edit[] {
  const children = parent.children ?? [];
  const firstKept = children.findIndex((child) => !removed.has(child));
  const [first, last] = [children[0], children.at(-1)];
  if (firstKept < 0) return first && last ? [{ start: first.offset, end: endOf(last), text: "" }] : [];
  return children.flatMap((child, index) => {
    if (!removed.has(child)) return [];
    const start = index < firstKept ? child.offset : endOf(children[index - 1] as Node);
    const end = index < firstKept ? (children[index + 1] as Node).offset : endOf(child);
    return [{ start, end, text: "" }];
  });
}

function renameEdits({ node, path }: Place, to: string): Edit[] {
  const property = node.parent;
  const [key] = property?.children ?? [];
  if (property?.type !== "property" || !key) {
    throw failure({ node, path }, "rename", "a member of an object");
  }
  if (key.value === to) return [];
  if (property.parent?.children?.some(({ children }) => children?.[0]?.value === to)) {
    throw failure({ node, path }, "unique_name", `an object without the member ${to}`);
  }
  return [{ start: key.offset, end: endOf(key), text: JSON.stringify(to) }];
}

function castEdits(text: string, place: Place, to: Cast): Edit[] {
  const { node } = place;
  const source = text.slice(node.offset, endOf(node));
  const cast = castText(node, source, to);
  if (cast === undefined) throw failure(place, "cast", EXPECTED[to]);
  return replaceEdits(text, node, cast);
}

function failure({ node, path }: Place, rule: string, expected: string): StepFailure {
  const isContainer = node.type === "object" || node.type === "array";
  const excerpt = isContainer ? {} : { excerpt: excerptOf(node.value) };
  return new StepFailure({ path: pointerTo(path), rule, expected, received: node.type, ...excerpt });
}

export function endOf({ offset, length }: Node): number {
  return offset + length;
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

const INDEX = /^(0|[1-9]\d{0,8})$/;

const EXPECTED: Readonly<Record<Cast, string>> = {
  number: "a number, or text that is one",
  integer: "a whole number, or text that is one",
  string: "text, a number, true or false",
  boolean: "true or false, or text that is one of them",
  json: "text that is a JSON document",
};
