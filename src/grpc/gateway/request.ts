/** Reads the message of a call from path, query and body of an HTTP request. */
import {
  type DescField,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { readBody } from "../../contract/body.ts";
import { CallFailedError, type CallFailure } from "../../contract/errors.ts";
import type { Request } from "../../contract/route.ts";
import { parseJsonDocument } from "../../contract/values/json-document.ts";
import type { Binding } from "./binding.ts";
import { jsonOfText, violationsIn } from "./json-form.ts";

/** @throws CallFailedError, and the errors of readBody. */
export async function readRequest(
  request: Request,
  { input }: DescMethodUnary,
  { pathFields, queryFields, body }: Binding,
  bytesMax: number,
): Promise<Message> {
  let whole: JsonObject = {};
  if (body !== undefined) {
    const read = await readJson(request, bytesMax);
    if (body !== "*") whole[body.name] = read;
    else if (typeof read !== "object" || read === null || Array.isArray(read))
      refuse(violationsIn(input, read));
    else whole = read;
  }
  for (const field of pathFields) put(whole, field, jsonOfText(field, request.params[field.name] ?? ""));
  for (const field of queryFields) {
    const text = (request.query as Record<string, string | string[] | undefined>)[nameIn(request, field)];
    if (text === undefined) continue;
    if (field.fieldKind === "list")
      put(
        whole,
        field,
        [text].flat().map((one) => jsonOfText(field, one)),
      );
    else if (typeof text === "string") put(whole, field, jsonOfText(field, text));
    else refuse([{ field: field.name, rule: "unique", description: "stands more than once" }]);
  }
  const violations = violationsIn(input, whole);
  if (violations.length > 0) refuse(violations);
  try {
    return fromJson(input, whole);
  } catch {
    return refuse([{ field: "body", rule: "type", description: `must be ${input.name}` }]);
  }
}

async function readJson(request: Request, bytesMax: number): Promise<JsonValue> {
  const bytes = await readBody(request, { bytesMax });
  if (bytes.length === 0) return {};
  const document = parseJsonDocument(bytes, bytesMax);
  if ("value" in document) return document.value as JsonValue;
  return refuse(
    document.problems.map(({ path, rule, expected, received }) => ({
      field: path.slice(1).replaceAll("/", ".") || "body",
      rule,
      description: `must be ${expected}, not ${received}`,
    })),
  );
}

/** The URL overrides the body. */
function put(whole: JsonObject, field: DescField, value: JsonValue): void {
  delete whole[field.jsonName];
  whole[field.name] = value;
}

function nameIn({ query }: Request, { name, jsonName }: DescField): string {
  return query[name] === undefined ? jsonName : name;
}

function refuse(violations: NonNullable<CallFailure["violations"]>): never {
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  throw new CallFailedError("INVALID_ARGUMENT", message, { violations });
}
