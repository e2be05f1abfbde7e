/**
 * Hides personal values in a payload that a person looks at: text enters, text of the same length leaves, so that
 * every place in it stays where it was. In a JSON document the values are found by their names; in what is no JSON
 * document by what looks like a name before a value, an e-mail address or a telephone number, which may hide too much
 * and, of a text without any names, too little.
 */
import { type Node, parseTree } from "jsonc-parser";
import type { StoredBytes, StoredHeaders } from "../../contract/headers.ts";
import type { Problem } from "../../contract/rejection.ts";

/** Hides the personal values of one domain's messages. */
export class Mask {
  /** Shows everything. */
  static readonly none = new Mask([]);

  readonly #names: readonly string[];

  /** @param personalNames of members whose values are personal, whatever object they stand in. */
  constructor(personalNames: readonly string[]) {
    this.#names = personalNames;
  }

  get hidesNothing(): boolean {
    return this.#names.length === 0;
  }

  text(text: string): string {
    if (this.hidesNothing) return text;
    const tree = treeOf(text);
    try {
      if (tree) return maskTree(text, tree, new Set(this.#names));
    } catch {
      // Nested deeper than the stack: the text is searched by patterns instead.
    }
    return maskPatterns(text, this.#names);
  }

  /** The same for bytes that are not text: each hidden byte becomes an asterisk. */
  bytes(bytes: Buffer): Buffer {
    if (this.hidesNothing) return bytes;
    const masked = maskPatterns(bytes.toString("latin1"), this.#names);
    return Buffer.from(masked.replaceAll(MASK, "*"), "latin1");
  }

  problem<P extends Problem>(problem: P): P {
    const isPersonal = problem.path.split("/").some((step) => this.#names.includes(step));
    return isPersonal && problem.excerpt !== undefined ? { ...problem, excerpt: MASKED } : problem;
  }

  /** Headers are hidden by their names, other values by patterns. */
  headers(stored: StoredHeaders): StoredHeaders {
    if (this.hidesNothing) return stored;
    const { headers, key, ...rest } = stored;
    const masked = (value: StoredBytes, name: StoredBytes): StoredBytes => {
      const isNamed = typeof name === "string" && this.#names.includes(name.toLowerCase());
      if (value === null) return null;
      return isNamed || typeof value !== "string" ? MASKED : maskPatterns(value, this.#names);
    };
    return {
      ...(headers ? { headers: headers.map(([name, value]) => [name, masked(value, name)] as const) } : {}),
      ...(key === undefined ? {} : { key: masked(key, null) }),
      ...rest,
    };
  }
}

/** Stands in the place of a personal value if its length does not matter. */
const MASKED = "•••";

/** The document's syntax tree; undefined where it is none, is too large, or nests deeper than the parser can. */
export function treeOf(text: string): Node | undefined {
  if (text.length > TREE_LENGTH_MAX) return undefined;
  try {
    const errors: object[] = [];
    const tree = parseTree(text, errors as never, { disallowComments: true });
    return errors.length === 0 ? tree : undefined;
  } catch {
    return undefined;
  }
}

function maskTree(text: string, tree: Node, names: ReadonlySet<string>): string {
  const hidden: Node[] = [];
  const collect = (node: Node, isPersonalPart: boolean): void => {
    if (node.type === "property") {
      const [name, value] = node.children ?? [];
      if (value) collect(value, isPersonalPart || names.has(String(name?.value)));
    } else if (node.children) {
      for (const child of node.children) collect(child, isPersonalPart);
    } else if (node.type !== "null" && (isPersonalPart || isDocumentInText(node))) {
      hidden.push(node);
    }
  };
  collect(tree, false);
  let masked = "";
  let end = 0;
  for (const { type, offset, length } of hidden) {
    const quotes = type === "string" ? 1 : 0;
    masked += text.slice(end, offset + quotes) + MASK.repeat(Math.max(0, length - 2 * quotes));
    end = offset + length - quotes;
  }
  return masked + text.slice(end);
}

/** A document that was encoded twice: nobody looks for names in there, so all of it is hidden. */
function isDocumentInText({ type, value }: Node): boolean {
  return type === "string" && /^\s*[{[]/.test(value as string);
}

function maskPatterns(text: string, personalNames: readonly string[]): string {
  const names = personalNames.join("|");
  const quoted = String.raw`"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?`;
  // Every repetition is bounded or always succeeds, so that no text makes this slow.
  const name = String.raw`["'\\]{0,8}\b(?:${names})\b["'\\]{0,8}\s{0,64}[:=]\s{0,64}`;
  const named = new RegExp(String.raw`(${name})(${quoted}|[^,}\]\n;&<]+)`, "gi");
  const masked = text
    .replace(named, (_all, before: string, value: string) => before + MASK.repeat(value.length))
    .replace(TELEPHONE, (found) => MASK.repeat(found.length));
  return maskAddresses(masked);
}

/** E-mail addresses: what stands around each "@". */
function maskAddresses(text: string): string {
  let masked = "";
  let end = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", Math.max(at + 1, end))) {
    let start = at;
    while (start > end && at - start < ADDRESS_LENGTH_MAX && IN_ADDRESS.test(text[start - 1] as string))
      start--;
    let stop = at + 1;
    while (stop < text.length && stop - at < ADDRESS_LENGTH_MAX && IN_ADDRESS.test(text[stop] as string))
      stop++;
    if (start === at || stop === at + 1) continue;
    masked += text.slice(end, start) + MASK.repeat(stop - start);
    end = stop;
  }
  return masked + text.slice(end);
}

const MASK = "•";
const IN_ADDRESS = /[^\s"'<>,:;@]/;
const ADDRESS_LENGTH_MAX = 255;
const TELEPHONE = /\+\d[\d ()-]{6,20}\d/g;

/** A syntax tree of a megabyte takes some 50 ms; larger documents are looked at in part only. */
const TREE_LENGTH_MAX = 1024 * 1024;
