/** Casts of single JSON values: the source text of a value enters, and that of the cast value leaves with all digits. */
import type { Node } from "jsonc-parser";
import { isDocument } from "../show/json-walk.ts";
import type { Cast } from "./steps.ts";

/** @returns undefined if the value has no such form. */
export function castText({ type, value }: Node, source: string, to: Cast): string | undefined {
  const inText = type === "string" ? String(value).trim() : undefined;
  switch (to) {
    case "number":
      return numberText(type, source, inText);
    case "integer": {
      const text = numberText(type, source, inText);
      return text === undefined ? undefined : wholeText(text);
    }
    case "string":
      if (type === "string") return source;
      return type === "number" || type === "boolean" ? JSON.stringify(source) : undefined;
    case "boolean":
      if (type === "boolean") return source;
      return inText === "true" || inText === "false" ? inText : undefined;
    case "json":
      if (inText === undefined) return source;
      return isDocument(inText) ? inText : undefined;
  }
}

function numberText(type: string, source: string, inText: string | undefined): string | undefined {
  if (type === "number") return source;
  return inText !== undefined && NUMBER.test(inText) ? inText : undefined;
}

/** `12.0` and `1.2e1` become `12`; a whole number stays as it is. */
function wholeText(text: string): string | undefined {
  const { sign, digits, exponent } = decimalOf(text);
  if (/^-?\d+$/.test(text)) return text;
  if (digits === "") return "0";
  return exponent < 0 || digits.length + exponent > WHOLE_DIGITS_MAX
    ? undefined
    : `${sign}${digits}${"0".repeat(exponent)}`;
}

/** Whether JavaScript's number has exactly the value that was written. */
export function isExact(text: string): boolean {
  const written = String(Number(text));
  if (written === text) return true;
  if (!NUMBER.test(written)) return false;
  const [one, other] = [decimalOf(text), decimalOf(written)];
  return one.digits === other.digits && one.exponent === other.exponent && one.sign === other.sign;
}

type Decimal = { sign: string; digits: string; exponent: number };

/** The value is `digits` times ten to the power of `exponent`, without zeros at either end; zero has no digits. */
function decimalOf(text: string): Decimal {
  const [, sign = "", whole = "", fraction = "", power = "0"] = NUMBER.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = withoutZerosAtEnd(all);
  if (digits === "") return { sign: "", digits, exponent: 0 };
  return { sign, digits, exponent: Number(power) - fraction.length + all.length - digits.length };
}

/** Not by a regular expression, which takes quadratic time. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/** Source: RFC 8259, section 6. */
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** More than any column of whole numbers holds. */
const WHOLE_DIGITS_MAX = 40;
