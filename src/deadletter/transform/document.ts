/** Whether a text is a JSON document that the steps can be applied to. */
import { scanJson } from "../../contract/values/json-scan.ts";

export function isDocument(text: string): boolean {
  if (text.length > LENGTH_MAX) return false;
  const { error, deepest } = scanJson(text, { depth: DEPTH_MAX + 1 });
  return error === undefined && deepest.length === 0;
}

/** Bounds the memory: the tree of a document takes a hundred times its length. */
const LENGTH_MAX = 1024 * 1024;

/** The tree is built by recursion. */
const DEPTH_MAX = 1_000;
