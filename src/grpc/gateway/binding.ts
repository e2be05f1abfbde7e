/**
 * Maps path, query and body of an HTTP request to fields, by the `google.api.http` option of a procedure. PUT, PATCH, custom
 * methods and variables of several segments are unsupported: the service does not start with them.
 * Source: google/api/http.proto, "HTTP rule".
 */
import { type DescField, type DescMethodUnary, getOption, hasOption } from "@bufbuild/protobuf";
import type { Route } from "../../contract/route.ts";
import { http as httpOption } from "../../proto/google/api/annotations_pb.ts";
import type { HttpRule } from "../../proto/google/api/http_pb.ts";
import { hasTextForm } from "./json-form.ts";

export type Binding = Readonly<{
  httpMethod: Route["method"];
  /** A polka pattern. */
  path: string;
  pathFields: readonly DescField[];
  /** None if the body is the whole request. */
  queryFields: readonly DescField[];
  /** The whole request, one field of it, or nothing. */
  body: "*" | DescField | undefined;
}>;

/** @throws if the rule is unsupported. */
export function bindingsOf(method: DescMethodUnary): Binding[] {
  if (!hasOption(method, httpOption)) return [];
  const rule = getOption(method, httpOption);
  return [rule, ...rule.additionalBindings].map((one) => bindingOf(method, one));
}

function bindingOf(method: DescMethodUnary, { pattern, body }: HttpRule): Binding {
  const httpMethod = pattern.case === undefined ? undefined : METHODS[pattern.case];
  if (httpMethod === undefined || typeof pattern.value !== "string")
    throw new Error(`${method}: HTTP routes are GET, POST or DELETE`);
  const { fields } = method.input;
  const fieldOf = (name: string) => {
    const field = fields.find((one) => one.name === name);
    if (!field) throw new Error(`${method}: the request has no field ${name}`);
    return field;
  };
  const pathFields: DescField[] = [];
  const path = pattern.value.replaceAll(/\{([^}]*)\}/g, (_match, name: string) => {
    pathFields.push(fieldOf(name));
    return `:${name}`;
  });
  const bodyField = body === "" || body === "*" ? undefined : fieldOf(body);
  const queryFields =
    body === "*" ? [] : fields.filter((field) => field !== bodyField && !pathFields.includes(field));
  for (const field of [...pathFields, ...queryFields])
    if (!hasTextForm(field)) throw new Error(`${method}: ${field.name} cannot stand in an address`);
  return { httpMethod, path, pathFields, queryFields, body: body === "*" ? body : bodyField };
}

const METHODS: Readonly<Record<string, Route["method"]>> = { get: "GET", post: "POST", delete: "DELETE" };
