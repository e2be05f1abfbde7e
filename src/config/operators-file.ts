/**
 * The file of named tokens (OPERATORS_FILE): its text enters; names, roles and hashes leave. An error never shows a
 * token, and not the parser's message, which quotes the text.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { TOKEN_LENGTH_MIN } from "./rules.ts";
import { compiled, type } from "./types.ts";

export const ROLES = ["reader", "operator", "ingress"] as const;
export type Role = (typeof ROLES)[number];

export type NamedToken = Readonly<{
  name: string;
  role: Role;
  /** SHA-256 of the token. */
  digest: Buffer;
}>;

export type OperatorsFile = Readonly<{ path: string; tokens: readonly NamedToken[] }>;

/**
 * Other operators see it, so it must not contain control characters or look blank: Hangul fillers, variation selectors,
 * lone accents and the empty Braille cell are invisible.
 */
export const author = type(
  /^(?=.*[^\s\p{M}\p{Default_Ignorable_Code_Point}\u2800])[^\p{Cc}\p{Cf}\u2028\u2029]{1,100}$/u,
).describe("one line of 1 to 100 visible characters");

const entryType = compiled({
  "+": "reject",
  name: author,
  role: type.enumerated(...ROLES),
  "token?": type(new RegExp(`^[\\x21-\\x7e]{${TOKEN_LENGTH_MIN},1000}$`)).describe(
    `at least ${TOKEN_LENGTH_MIN} printable ASCII characters without spaces`,
  ),
  "sha256?": type(/^[0-9a-f]{64}$/).describe("64 hexadecimal digits in lower case"),
});

/** Undefined if no path is set. */
export const operatorsFile = type("string").pipe((path, context): OperatorsFile | undefined => {
  if (path === "") return undefined;
  try {
    return { path, tokens: parseOperators(readFileSync(path, "utf8")) };
  } catch (error) {
    const isAboutEntries = error instanceof OperatorsError;
    return context.error(
      isAboutEntries ? `a valid file of operators: ${error.message}` : "the path of a file that can be read",
    ) as never;
  }
});

export class OperatorsError extends Error {}

/** @throws OperatorsError */
export function parseOperators(text: string): NamedToken[] {
  const entries = entriesIn(text).map((entry, index) => read(entry, index + 1));
  for (const [index, { name, digest }] of entries.entries()) {
    const earlier = entries.slice(0, index);
    // Names that differ by case only would be mistaken for each other.
    if (earlier.some((other) => folded(other.name) === folded(name)))
      throw new OperatorsError(`entry ${index + 1} has the name of an earlier entry`);
    if (earlier.some((other) => other.digest.equals(digest)))
      throw new OperatorsError(`entry ${index + 1} has the token of an earlier entry`);
  }
  return entries;
}

/** One sentence per risk: another user of the machine could add a token, or read one. */
export function permissionWarnings({ path }: OperatorsFile): string[] {
  const mode = statSync(path).mode & 0o777;
  const warnings: string[] = [];
  if (mode & 0o022) warnings.push(`OPERATORS_FILE: other users can write ${path}; set its mode to 600`);
  if (mode & 0o044 && /"token"\s*:/.test(readFileSync(path, "utf8")))
    warnings.push(
      `OPERATORS_FILE: other users can read the tokens in ${path}; store sha256, or set its mode to 600`,
    );
  return warnings;
}

export function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function entriesIn(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new OperatorsError("it is not JSON");
  }
  if (Array.isArray(value)) return value;
  throw new OperatorsError("it must be a list of entries with name, role, and sha256 or token");
}

function read(entry: unknown, number: number): NamedToken {
  const checked = entryType(entry);
  if (checked instanceof type.errors) {
    const [problem] = checked;
    const member = String(problem?.path[0] ?? "");
    const isUnknown = problem?.expected === "removed";
    throw new OperatorsError(
      isUnknown
        ? `entry ${number} has an unknown member`
        : `${member || "it"} of entry ${number} must be ${problem?.expected}`,
    );
  }
  const { name, role, token, sha256 } = checked;
  if ((token === undefined) === (sha256 === undefined))
    throw new OperatorsError(`entry ${number} must have either sha256 or token`);
  return { name, role, digest: token === undefined ? Buffer.from(sha256 as string, "hex") : digestOf(token) };
}

function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase().trim();
}
