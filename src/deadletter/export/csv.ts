/** CSV by RFC 4180, safe to open in a spreadsheet: no value is taken for a formula. */

/** A line with its line break. */
export function csvLine(values: readonly (string | number | undefined)[]): string {
  return `${values.map((value) => field(String(value ?? ""))).join(",")}\r\n`;
}

function field(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What spreadsheets take for the start of a formula, also in full width; the apostrophe before it makes it text. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
