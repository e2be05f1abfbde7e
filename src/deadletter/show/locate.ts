/** Finds the place of a problem in the text of a payload: a JSON pointer or a byte offset enters, a range leaves. */
import type { Node } from "jsonc-parser";
import type { Problem } from "../../contract/rejection.ts";

/** From one index of the text up to, and without, another; in UTF-16 units, as a page counts them. */
export type Range = Readonly<{ start: number; end: number }>;

/**
 * @param tree of the text, where it is a JSON document.
 * @returns the range, or that of the nearest thing around it that is there; undefined where there is nothing.
 */
export function locate(problem: Problem, text: string, tree: Node | undefined): Range | undefined {
  if (problem.byteOffset !== undefined) {
    const start = Buffer.from(text).subarray(0, problem.byteOffset).toString().length;
    return { start, end: Math.min(text.length, start + 1) };
  }
  if (!tree) return undefined;
  let found = tree;
  for (const step of stepsOf(problem.path)) {
    const inner = childOf(found, step);
    if (!inner) break;
    found = inner;
  }
  // Of something that goes on for long, its beginning is enough to find it.
  const isContainer = found.children !== undefined;
  return { start: found.offset, end: found.offset + (isContainer ? 1 : found.length) };
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function childOf(node: Node, step: string): Node | undefined {
  if (node.type === "array") return node.children?.[Number(step)];
  // Of a name that stands twice the last is meant: the first one was not yet wrong.
  const member = node.children?.findLast((property) => property.children?.[0]?.value === step);
  return member?.children?.[1] ?? member?.children?.[0];
}
