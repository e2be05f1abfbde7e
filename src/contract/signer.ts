/** The operator who signed in with a named token is the author of the request's action. */
import { InvalidInputError } from "./errors.ts";
import type { Request } from "./route.ts";

/**
 * Adds the signed-in operator as `author` to a body or query that is not validated yet.
 * @throws InvalidInputError if it names another author.
 */
export function signed<Given extends object>({ signer }: Pick<Request, "signer">, given: Given): Given {
  if (signer === undefined) return given;
  const { author } = given as { author?: unknown };
  if (author === undefined || author === signer) return { ...given, author: signer };
  throw new InvalidInputError("author", `author must be left out, or be ${signer}, who is signed in`);
}
