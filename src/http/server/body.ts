/** Reads and validates a JSON body; errors name the invalid member. */
import { type ArkErrors, type } from "../../config/types.ts";
import { readBody } from "../../contract/body.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import type { Request } from "../../contract/route.ts";
import { signed } from "../../contract/signer.ts";

/**
 * Reads the body of an operator's action. The author is the operator who is signed in by name, else the body's.
 * @param empty as in `readJsonBody`, and `parse` too.
 * @throws InvalidInputError also if the body names another author.
 */
export async function readActionBody<T extends object>(
  request: Request,
  bodyType: (value: unknown) => T | ArkErrors,
  bytesMax: number,
  empty?: T,
  parse?: (text: string) => unknown,
): Promise<T & { isVerified: boolean }> {
  const signedType = (value: unknown) =>
    bodyType(typeof value === "object" && value !== null ? signed(request, value) : value);
  const body = await readJsonBody(request, signedType, bytesMax, empty && signed(request, empty), parse);
  return { ...body, isVerified: request.signer !== undefined };
}

/**
 * @param empty stands for an empty body; undefined if a body is required.
 * @param parse throws for a body that is not JSON.
 * @throws InvalidInputError, TooLargeError, UnsupportedBodyError
 */
export async function readJsonBody<T>(
  request: Request,
  bodyType: (value: unknown) => T | ArkErrors,
  bytesMax: number,
  empty?: T,
  parse: (text: string) => unknown = JSON.parse,
): Promise<T> {
  const bytes = await readBody(request, { bytesMax });
  if (bytes.length === 0 && empty !== undefined) return empty;
  let value: unknown;
  try {
    value = parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InvalidInputError("body", "the body must be a JSON document in UTF-8");
  }
  // An array would pass as an object without members.
  if (Array.isArray(value)) throw new InvalidInputError("body", "the body must be a JSON object");
  // The type reports every unknown member, which takes seconds for megabytes of them.
  if (typeof value === "object" && value !== null && Object.keys(value).length > MEMBERS_MAX)
    throw new InvalidInputError("body", `the body must have at most ${MEMBERS_MAX} members`);
  const checked = bodyType(value);
  if (!(checked instanceof type.errors)) return checked;
  const [problem] = checked;
  const name = problem?.path.join(".") || "body";
  throw new InvalidInputError(name, `${name} must be ${problem?.expected}`);
}

/** More than any of these bodies has. */
const MEMBERS_MAX = 100;
