/**
 * Finds fractions that JSON.parse would round to a whole number, such as `9007199254740991.4`; a rule for whole numbers
 * would accept them. JSON.parse's reviver takes two seconds for a megabyte of numbers.
 */

export type Place = Readonly<{ start: number; end: number }>;

/** @param index of a point or an exponent outside of strings. */
export function numberAround(json: Buffer, index: number): Place {
  let start = index;
  while (start > 0 && isOfNumber(json[start - 1])) start--;
  let end = index + 1;
  while (end < json.length && isOfNumber(json[end])) end++;
  return { start, end };
}

export function isRounded(json: Buffer, { start, end }: Place): boolean {
  if (end - start < SHORTEST_ROUNDED) return false;
  const text = json.toString("latin1", start, end);
  if (!Number.isSafeInteger(Number(text))) return false;
  const [, whole, fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (whole === undefined) return false;
  const digits = whole + fraction;
  let last = digits.length;
  while (last > 0 && digits[last - 1] === "0") last--;
  // More digits than the exponent moves before the point.
  return last > 0 && last > whole.length + Number(exponent);
}

/** Replaces numbers by the smallest fraction, which is not whole either. */
export function replaceRounded(json: Buffer, places: readonly Place[]): Buffer {
  const replaced = Buffer.from(json);
  for (const { start, end } of places) replaced.fill(SPACE, start, end).set(NOT_WHOLE, start);
  return replaced;
}

function isOfNumber(byte: number | undefined): boolean {
  return byte !== undefined && NUMBER_BYTES[byte] === 1;
}

const NUMBER_BYTES = new Uint8Array(256);
for (const character of "0123456789+-.eE") NUMBER_BYTES[character.charCodeAt(0)] = 1;

const SPACE = 0x20;
const NOT_WHOLE = Buffer.from(String(Number.MIN_VALUE));

/** Source: RFC 8259, section 6. */
const NUMBER = /^-?(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The length of `1e-400`; shorter fractions are not rounded. */
const SHORTEST_ROUNDED = 6;
