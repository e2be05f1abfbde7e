/** JSON whose numbers keep their digits: JavaScript would read `1.10` as 1.1, and 2^64 as another number. */

/** A number as it was written, if JavaScript would write it differently. */
class ExactNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }

  toJSON(): unknown {
    return EXACT_JSON.rawJSON(this.digits);
  }
}

/** Like JSON.parse; JSON.stringify writes the numbers as they were. @throws SyntaxError */
export function parseExactly(text: string): unknown {
  return EXACT_JSON.parse(text, (_name, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? new ExactNumber(source)
      : value,
  );
}

/** The compiler's library lacks this part of ECMAScript 2026. */
const EXACT_JSON = JSON as unknown as {
  parse(
    text: string,
    revive: (name: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};
