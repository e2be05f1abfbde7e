/**
 * Finds the numbers of a JSON text that are not whole, and that JSON.parse would round to a whole one:
 * `9007199254740991.4`, or `1e-400`. A rule that asks for a whole number would accept what the text does not say. The
 * reviver of JSON.parse knows the text too, but takes two seconds for a megabyte of numbers.
 */

/** Where a number begins and where it ends, in bytes. */
export type Place = Readonly<{ start: number; end: number }>;

/** @param index of a point or an exponent outside of strings. @returns the characters of a number around it. */
export function numberAround(json: Buffer, index: number): Place {
  let start = index;
  while (start > 0 && isOfNumber(json[start - 1])) start--;
  let end = index + 1;
  while (end < json.length && isOfNumber(json[end])) end++;
  return { start, end };
}

/** Whether the text there is a number that is not whole, and is rounded to a whole one which is exact. */
export function isRounded(json: Buffer, { start, end }: Place): boolean {
  if (end - start < SHORTEST_ROUNDED) return false;
  const text = json.toString("latin1", start, end);
  if (!Number.isSafeInteger(Number(text))) return false;
  const [, whole, fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (whole === undefined) return false;
  const digits = whole + fraction;
  let last = digits.length;
  while (last > 0 && digits[last - 1] === "0") last--;
  // The digits after the point that are left if zeros at the end are not written.
  return last > 0 && last > whole.length + Number(exponent);
}

/**
 * The same JSON text with other numbers at these places: no value is a fraction smaller than this, so it is as little
 * whole as what stood there.
 */
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

/** Source: RFC 8259, section 6. The groups are the digits before the point, those after it, and the exponent. */
const NUMBER = /^-?(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** `1e-400`. What has fewer characters keeps its fraction, and `5e-324` needs no more. */
const SHORTEST_ROUNDED = 6;
