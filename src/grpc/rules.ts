/** Checks a request against the rules of its description. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { InvalidRequestError } from "./status.ts";

/**
 * @throws InvalidRequestError with every violation, or with the first alone if a list is long: a megabyte holds half a
 * million elements, and finding all that is wrong with them takes a second.
 */
export function checkRules(description: DescMessage, request: Message): void {
  const first = quick.validate(description, request);
  if (first.kind === "valid") return;
  if (first.kind === "error") throw first.error;
  const all = hasLongList(description, request) ? first : thorough.validate(description, request);
  if (all.kind === "error") throw all.error;
  throw InvalidRequestError.of((all.kind === "invalid" ? all : first).violations);
}

function hasLongList({ fields }: DescMessage, request: Message): boolean {
  return fields.some(({ fieldKind, localName }) => {
    const value = (request as unknown as Record<string, object>)[localName];
    if (fieldKind === "list") return (value as unknown[]).length > ELEMENTS_MAX;
    return fieldKind === "map" && Object.keys(value as object).length > ELEMENTS_MAX;
  });
}

const quick = createValidator({ failFast: true });
const thorough = createValidator();

/** More than any request of ours may have. */
const ELEMENTS_MAX = 2_000;
