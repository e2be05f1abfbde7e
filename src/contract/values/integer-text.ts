/** A 64-bit integer in a string, because JSON numbers hold fewer bits. */
import { parseBigInteger, wholeNumber } from "../../config/numbers.ts";
import { type } from "../../config/types.ts";

/** Refuses leading zeros, so that equal numbers are equal texts. */
export function integerText(min: bigint, max: bigint) {
  const described = `${wholeNumber(min, max)} in a string`;
  return type("string").narrow(
    (text, context) => parseBigInteger(text, min, max)?.toString() === text || context.mustBe(described),
  );
}
