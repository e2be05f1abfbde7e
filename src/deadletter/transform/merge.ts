/**
 * Writes a new value into the text of the old one: a JSON document and a value enter, and edits leave. Equal members
 * keep their bytes; what differs is written as JavaScript writes it.
 */
import type { Node } from "jsonc-parser";
import { pointerTo } from "../../contract/rejection.ts";
import { isExact } from "./cast.ts";
import { addEdit, type Edit, endOf, replaceEdits, StepFailure, withoutChildren } from "./edit.ts";

/**
 * @param value plain JSON.
 * @throws StepFailure if a number that changes place would lose digits, or a member is repeated in the document.
 */
export function editsTo(text: string, root: Node, value: unknown): Edit[] {
  const rounded = new Set<number>();
  inspect(text, root, [], rounded);
  return merge(text, root, value, { path: [], rounded });
}

type At = Readonly<{ path: readonly (string | number)[]; rounded: ReadonlySet<number> }>;

function merge(text: string, node: Node, value: unknown, at: At): Edit[] {
  if (node.type === "object" && isObject(value)) return mergeObject(text, node, value, at);
  const children = node.children ?? [];
  if (node.type === "array" && Array.isArray(value) && value.length === children.length) {
    return children.flatMap((child, index) => merge(text, child, value[index], below(at, index)));
  }
  const isEqual = node.type !== "object" && node.type !== "array" && node.value === value;
  return isEqual ? [] : replaceEdits(text, node, written(value, at));
}

function mergeObject(text: string, node: Node, value: Record<string, unknown>, at: At): Edit[] {
  const members = node.children ?? [];
  const names = new Set(members.map(({ children }) => children?.[0]?.value as string));
  const removed = new Set(members.filter(({ children }) => !Object.hasOwn(value, children?.[0]?.value)));
  const added = Object.keys(value).filter((name) => !names.has(name));
  if (removed.size === members.length) {
    return members.length + added.length === 0 ? [] : replaceEdits(text, node, written(value, at));
  }
  const kept = members.filter((member) => !removed.has(member));
  return [
    ...withoutChildren(node, removed),
    ...kept.flatMap(({ children: [key, inner] = [] }) =>
      merge(text, inner as Node, value[key?.value], below(at, key?.value)),
    ),
    ...(added.length > 0
      ? [
          addEdit(
            text,
            node,
            added.map((name) => [name, written(value[name], below(at, name))]),
          ),
        ]
      : []),
  ];
}

/** Collects numbers that JavaScript rounds. A member that is repeated would vanish unseen. */
function inspect(text: string, node: Node, path: readonly (string | number)[], rounded: Set<number>): void {
  const children = node.children ?? [];
  if (node.type === "number" && !isExact(text.slice(node.offset, endOf(node)))) rounded.add(node.value);
  if (node.type === "array") {
    for (const [index, child] of children.entries()) inspect(text, child, [...path, index], rounded);
  }
  if (node.type !== "object") return;
  const names = new Set<string>();
  for (const { children: [key, inner] = [] } of children) {
    const at = [...path, key?.value as string];
    if (names.has(key?.value))
      throw failure(at, "unique_name", "each name once in an object", "the same name");
    names.add(key?.value);
    inspect(text, inner as Node, at, rounded);
  }
}

/** @throws StepFailure for a number that lost digits. */
function written(value: unknown, at: At): string {
  if (typeof value === "number") {
    const isRounded = at.rounded.has(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
    if (isRounded)
      throw failure(at.path, "exact_number", "a number that JSONata can hold", "one with more digits");
  } else if (Array.isArray(value)) {
    return `[${value.map((inner, index) => written(inner, below(at, index))).join(",")}]`;
  } else if (isObject(value)) {
    const members = Object.entries(value);
    return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${written(inner, below(at, name))}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

function below({ path, rounded }: At, step: string | number): At {
  return { path: [...path, step], rounded };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function failure(
  path: readonly (string | number)[],
  rule: string,
  expected: string,
  received: string,
): StepFailure {
  return new StepFailure({ path: pointerTo(path), rule, expected, received });
}
