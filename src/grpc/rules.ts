/** Validates a request by the rules in its `.proto`. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { InvalidRequestError } from "./status.ts";

/** @throws InvalidRequestError with all violations, or only the first if a list is too long to report every element. */
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

/** Above `max_items` of every `.proto` here. */
const ELEMENTS_MAX = 2_000;
