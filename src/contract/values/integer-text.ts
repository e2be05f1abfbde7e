/** A whole number of 64 bits in a string, as commands hold it: the numbers of JSON have fewer bits. */
import { type } from "arktype";
import { parseBigInteger, wholeNumber } from "../../config/numbers.ts";

/** The rule for one without leading zeros, so that equal numbers are equal texts. */
export function integerText(min: bigint, max: bigint) {
  const described = `${wholeNumber(min, max)} in a string`;
  return type("string").narrow(
    (text, context) => parseBigInteger(text, min, max)?.toString() === text || context.mustBe(described),
  );
}
