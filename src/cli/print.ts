/** Writes to a terminal. Control characters of messages are escaped, so that they cannot steer the terminal. */
import Table from "cli-table3";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line of JSON, with the same characters as JSON escapes. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value).replace(STEERING, escapeOf));
}

/** Escapes every character that steers a terminal or shows nothing. */
export function visible(text: string): string {
  return text.replace(STEERING, escapeOf);
}

/** The same, but keeps line breaks. */
export function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visible).join("\n");
}

/** A table of `visible` values. */
export function tableOf(heads: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const table = new Table({
    head: [...heads],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: Object.fromEntries(BORDERS.map((place) => [place, ""])),
  });
  for (const row of rows) table.push(row.map((value) => visible(String(value ?? ""))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Like JSON: two escapes for a character beyond 16 bits. */
function escapeOf(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Control characters, line separators, and invisible characters, which reorder or hide text. */
const STEERING = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

const BORDERS = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
];
