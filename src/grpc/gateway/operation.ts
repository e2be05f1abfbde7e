/** The API document's entry for a route of the gateway. */
import type { DescField, DescMethodUnary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { COMMAND_ID, COMMAND_ID_DESCRIPTION } from "../../contract/command-shapes.ts";
import {
  answer,
  inPath,
  inQuery,
  jsonBody,
  type Operation,
  type Parameter,
  problems,
} from "../../contract/openapi.ts";
import { COMMENTS } from "../../proto/comments.ts";
import type { Binding } from "./binding.ts";
import { requestFieldSchema, requestSchema, responseSchema } from "./schema.ts";

export function operationOf(domain: string, method: DescMethodUnary, binding: Binding): Operation {
  const { pathFields, queryFields, body } = binding;
  const isReading = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const parameters: Parameter[] = [
    ...pathFields.map((field) => inPath(field.name, commentOf(field), requestFieldSchema(field))),
    ...queryFields.map((field) => inQuery(field.name, commentOf(field), requestFieldSchema(field))),
    ...(isReading ? [] : [IDEMPOTENCY_KEY]),
  ];
  return {
    tags: [domain],
    ...wordsOf(method),
    parameters,
    ...(body === undefined
      ? {}
      : {
          requestBody: jsonBody(
            body === "*" ? requestSchema(method.input, pathFields) : requestFieldSchema(body),
          ),
        }),
    responses: {
      200: answer(method.output.name, responseSchema(method.output)),
      ...problems(404, 409, 412, 504),
      ...(body === undefined ? {} : problems(413, 415)),
    },
  };
}

/** Splits the comment of the `.proto` after its first sentence. */
function wordsOf({ parent, name }: DescMethodUnary): Pick<Operation, "summary" | "description"> {
  const comment = COMMENTS[`${parent.typeName}.${name}`] ?? `${parent.name}.${name}`;
  const end = comment.indexOf(". ");
  if (end < 0) return { summary: comment.replace(/\.$/, "") };
  return { summary: comment.slice(0, end), description: comment.slice(end + 2) };
}

function commentOf({ parent, name }: DescField): string {
  return COMMENTS[`${parent.typeName}.${name}`] ?? name;
}

const IDEMPOTENCY_KEY: Parameter = {
  name: "idempotency-key",
  in: "header",
  description: `the call takes effect once for each: ${COMMAND_ID_DESCRIPTION}`,
  schema: { type: "string", pattern: COMMAND_ID.source },
};
