/**
 * Masks text by patterns: values after personal names, e-mail addresses, phone numbers. It may over-mask, or under-mask
 * text without names. The length stays the same. All patterns take linear time on any text.
 */

export const MASK = "•";

/** Matches a name and its value. */
export function namedPattern(names: readonly string[]): RegExp | undefined {
  if (names.length === 0) return undefined;
  const quoted = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"?|'[^'\\]*(?:\\.[^'\\]*)*'?`;
  // Every repetition is bounded or cannot backtrack.
  const name = String.raw`["'\\]{0,8}\b(?:${names.map(escaped).join("|")})\b["'\\]{0,8}\s{0,64}[:=]\s{0,64}`;
  return new RegExp(String.raw`(${name})(${quoted}|[^,}\]\n;&<]+)`, "gi");
}

export function maskNamed(text: string, named: RegExp | undefined): string {
  if (!named) return text;
  return text.replace(named, (_all, before: string, value: string) => before + MASK.repeat(value.length));
}

export function maskContacts(text: string): string {
  const masked = text.includes("+") ? text.replace(TELEPHONE, (found) => MASK.repeat(found.length)) : text;
  return maskAddresses(masked);
}

function maskAddresses(text: string): string {
  let masked = "";
  let end = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", Math.max(at + 1, end))) {
    let start = at;
    while (start > end && at - start < ADDRESS_LENGTH_MAX && isInAddress(text, start - 1)) start--;
    let stop = at + 1;
    while (stop < text.length && stop - at < ADDRESS_LENGTH_MAX && isInAddress(text, stop)) stop++;
    if (start === at || stop === at + 1) continue;
    masked += text.slice(end, start) + MASK.repeat(stop - start);
    end = stop;
  }
  return masked + text.slice(end);
}

function isInAddress(text: string, index: number): boolean {
  return !NOT_IN_ADDRESS.has(text.charCodeAt(index));
}

function escaped(name: string): string {
  return name.replace(/[^\w]/g, String.raw`\$&`);
}

const NOT_IN_ADDRESS = new Set([..." \t\r\n\"'<>,:;@{}[]"].map((character) => character.charCodeAt(0)));
const ADDRESS_LENGTH_MAX = 255;
const TELEPHONE = /\+\d[\d ()-]{6,20}\d/g;
