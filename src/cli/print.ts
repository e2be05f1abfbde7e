/** Writes to a terminal. Whatever a message held is shown and never obeyed: no character of it can steer the terminal. */
import Table from "cli-table3";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line of JSON; what a terminal could obey is escaped, which JSON readers undo. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value).replace(STEERING, escapeOf));
}

/** A text with every character that steers, or hides, as an escape. */
export function visible(text: string): string {
  return text.replace(STEERING, escapeOf);
}

/** Lines of a payload: as `visible`, with its line breaks kept. */
export function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visible).join("\n");
}

/** A table with heads; every value goes through `visible`. */
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

/** As JSON writes it: a character beyond 16 bits is two escapes. */
function escapeOf(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/**
 * Control characters, line separators, and everything that shows nothing: format characters that reorder or hide text,
 * Hangul fillers, tag characters, variation selectors.
 */
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
