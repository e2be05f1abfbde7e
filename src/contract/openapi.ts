/**
 * Descriptions of routes, and the OpenAPI document of all of them. A test drives the server by the document, so the two
 * cannot differ. Sources: OpenAPI Specification 3.1; JSON Schema 2020-12.
 */

export type Schema = Readonly<Record<string, unknown>>;

export type Parameter = Readonly<{
  name: string;
  in: "path" | "query" | "header";
  description?: string;
  required?: boolean;
  schema: Schema;
}>;

export type Operation = Readonly<{
  summary: string;
  description?: string;
  tags: readonly string[];
  parameters?: readonly Parameter[];
  requestBody?: Readonly<{
    required?: boolean;
    description?: string;
    content: Readonly<Record<string, object>>;
  }>;
  /** By status. Problems that every route can answer with are added. */
  responses: Readonly<Record<string, object>>;
}>;

export type Described = Readonly<{
  method: string;
  path: string;
  /** A key of `SECURITY`, `open`, or a domain's credential. */
  access: string | Readonly<{ name: string; description: string }>;
  openWith?: string;
  kind?: string;
  operation: Operation;
}>;

/** Without additional members. */
export function object(required: Record<string, Schema>, optional: Record<string, Schema> = {}): Schema {
  return {
    type: "object",
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}

/** Gives a schema a name: the API document has it once, under `components/schemas`. */
export const named = (title: string, schema: Schema, example?: unknown): Schema => ({
  ...schema,
  title,
  ...(example === undefined ? {} : { examples: [example] }),
});
export const arrayOf = (items: Schema): Schema => ({ type: "array", items });
export const oneOf = (...values: readonly string[]): Schema => ({ enum: values });
export const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
export const TEXT: Schema = { type: "string" };
export const COUNT: Schema = { type: "integer", minimum: 0 };
export const FLAG: Schema = { type: "boolean" };
export const TIME: Schema = { type: "string", format: "date-time" };
/** Text, because JavaScript's numbers cannot hold every position. */
export const POSITION: Schema = { type: "string", pattern: "^[1-9]\\d{0,18}$" };

export const inPath = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: "path",
  required: true,
  description,
  schema,
});

export const inQuery = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: "query",
  description,
  schema,
});

export const DOMAIN_IN_QUERY = inQuery("domain", "only this domain", TEXT);
export const POSITION_IN_PATH = inPath("position", "the position of a message in the inbox", POSITION);

export function answer(description: string, schema: Schema, headers?: object): object {
  return { description, content: { "application/json": { schema } }, ...(headers ? { headers } : {}) };
}

export function bytes(description: string, mediaType: string, headers?: object): object {
  return { description, content: { [mediaType]: {} }, ...(headers ? { headers } : {}) };
}

export function header(description: string): object {
  return { description, schema: TEXT };
}

/** RFC 9457. */
export function problems(...statuses: readonly number[]): Record<string, object> {
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]));
}

/**
 * @param types possible values of `type`, without the prefix.
 * @param members additional members of the document.
 */
export function ownProblem(
  description: string,
  types: readonly string[],
  members: Record<string, Schema>,
): object {
  const { properties, ...rest } = PROBLEM as { properties: Record<string, Schema> };
  const type = oneOf(...types.map((name) => PROBLEM_PREFIX + name));
  const schema = { ...rest, properties: { ...properties, ...members, type } };
  return { description, content: { "application/problem+json": { schema } } };
}

export function jsonBody(schema: Schema, required = true): NonNullable<Operation["requestBody"]> {
  return { required, content: { "application/json": { schema } } };
}

/** @param examples of named schemas, by name. */
export function openApiDocument(
  routes: readonly Described[],
  version: string,
  examples: Readonly<Record<string, unknown>>,
): object {
  const schemas = new NamedSchemas(examples);
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const { method, path, operation } = route;
    const template = path.replace(/:(\w+)/g, "{$1}");
    paths[template] ??= {};
    paths[template][method.toLowerCase()] = {
      operationId: operationIdOf(method, path),
      ...operation,
      responses: { ...operation.responses, ...problems(...statusesOf(route)) },
      ...securityOf(route),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Waybill",
      version,
      license: { name: "MIT", identifier: "MIT" },
      description:
        "Message intake that loses nothing. Every answer carries `x-request-id`; errors are problem documents (RFC 9457).",
    },
    servers: [{ url: "/" }],
    paths: schemas.referIn(paths) as object,
    components: {
      securitySchemes: {
        admin: {
          type: "http",
          scheme: "bearer",
          description: "ADMIN_TOKEN, or a token with the role operator; for most reads also the role reader",
        },
        session: { type: "apiKey", in: "cookie", name: "waybill_session", description: "from POST /session" },
        ingress: {
          type: "http",
          scheme: "bearer",
          description: "INGRESS_TOKEN, or a token with the role ingress or operator",
        },
        ...credentialsOf(routes),
      },
      responses: schemas.referIn(
        Object.fromEntries(
          Object.entries(PROBLEMS).map(([status, description]) => [
            status,
            {
              description,
              content: { "application/problem+json": { schema: named("ProblemDetails", PROBLEM) } },
              ...(RETRIABLE.has(status) ? { headers: RETRY_AFTER } : {}),
            },
          ]),
        ),
      ) as object,
      schemas: schemas.all,
    },
  };
}

/** A schema with a `title` is named by it. */
class NamedSchemas {
  readonly #examples: Readonly<Record<string, unknown>>;
  readonly #found = new Map<string, object>();

  constructor(examples: Readonly<Record<string, unknown>>) {
    this.#examples = examples;
  }

  get all(): object {
    return Object.fromEntries([...this.#found].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** @returns a copy with references in place of named schemas. @throws if two schemas have one name. */
  referIn(part: unknown): unknown {
    if (Array.isArray(part)) return part.map((item) => this.referIn(item));
    if (typeof part !== "object" || part === null) return part;
    const copy = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, this.referIn(value)]));
    const { title, ...schema } = copy;
    if (typeof title !== "string") return copy;
    const known = this.#found.get(title);
    const example = this.#examples[title];
    const found = { ...schema, ...(example === undefined ? {} : { examples: [example] }) };
    if (known && JSON.stringify(known) !== JSON.stringify(found))
      throw new Error(`two schemas have the name ${title}`);
    this.#found.set(title, found);
    return { $ref: `#/components/schemas/${title}` };
  }
}

function operationIdOf(method: string, path: string): string {
  const words = path.split("/").filter((word) => word !== "");
  return [method.toLowerCase(), ...(words.length > 0 ? words : ["page"])].join("_").replace(/[^a-z_]/gi, "_");
}

function statusesOf({ method, access, kind }: Described): number[] {
  if (access !== "open") return [400, 401, 403, 429, 500, 503];
  // Pages of other origins may read pages but change nothing.
  return method === "GET" && kind !== undefined ? [400, 500] : [400, 403, 500];
}

function securityOf({ access, openWith }: Described): Readonly<{ security?: object[] }> {
  const security = typeof access === "object" ? [{ [access.name]: [] }] : SECURITY[access];
  // An empty requirement makes the others optional.
  return security ? { security: openWith === undefined ? security : [...security, {}] } : {};
}

function credentialsOf(routes: readonly Described[]): Record<string, object> {
  const credentials = routes.flatMap(({ access }) => (typeof access === "object" ? [access] : []));
  return Object.fromEntries(
    credentials.map(({ name, description }) => [name, { type: "http", scheme: "bearer", description }]),
  );
}

const SECURITY: Readonly<Record<string, object[]>> = {
  reader: [{ admin: [] }, { session: [] }],
  operator: [{ admin: [] }, { session: [] }],
  ingress: [{ ingress: [] }],
  "operator or ingress": [{ admin: [] }, { session: [] }, { ingress: [] }],
};

const PROBLEMS: Readonly<Record<string, string>> = {
  400: "the request is invalid; `parameter` names the field",
  401: "the request has no valid token",
  403: "the role of the token does not allow the request (`role`, `needed`), a page of another origin sent it, or the service does not know the name in Host (PUBLIC_URL)",
  404: "not found",
  409: "conflict with the current state, usually because another request was first",
  412: "declined by a rule; `reason` names it",
  413: "too many bytes",
  415: "the body has a Content-Encoding, or a charset other than UTF-8",
  422: "the request can be read but is refused",
  429: "too many wrong tokens from this address, or too many calls",
  500: "an error of the service; search its log for the request id",
  503: "temporarily unavailable: no database connection, or the inbox is full; nothing was stored or changed",
  504: "the deadline passed; retry with the same idempotency-key",
};

/** Statuses with a Retry-After header. */
const RETRIABLE = new Set(["429", "503"]);
const RETRY_AFTER = { "retry-after": header("seconds to wait before a retry") };

export const PROBLEM_PREFIX = "urn:waybill:problem:";

const PROBLEM: Schema = {
  type: "object",
  properties: {
    type: { type: "string", pattern: `^${PROBLEM_PREFIX}` },
    title: TEXT,
    status: { type: "integer" },
    detail: TEXT,
    parameter: TEXT,
    position: POSITION,
    errors: { type: "array", items: { type: "object" } },
    role: { type: "string", description: "the role of the caller's token" },
    needed: { type: "string", description: "the role that the request needs" },
    code: { type: "string", description: "for procedures: the gRPC status" },
    reason: { type: "string", description: "for procedures: the rule that declined the call" },
    metadata: { type: "object", additionalProperties: TEXT },
  },
  required: ["type", "title", "status"],
  additionalProperties: false,
};
