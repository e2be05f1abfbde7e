/**
 * What the JSON documents of the API are made of. A document is described once, as an arktype type: its TypeScript
 * type, its check and its JSON Schema (2020-12, the dialect of OpenAPI 3.1) come from that one description.
 */
import { scope, type } from "arktype";
import { pointerTo } from "../rejection.ts";

declare global {
  /** Lets a type carry the `format` that its JSON Schema has. */
  interface ArkEnv {
    meta(): { format?: string };
  }
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Words for members, to be used in the definition of a document: `shape({ position: "position" })`. */
export const words = scope({
  /** A text, because a position does not fit every reader's number. */
  position: /^[1-9]\d{0,18}$/,
  time: type("string").configure({ format: "date-time" }),
  count: "number.integer >= 0",
}).export();

/**
 * The JSON Schema of what a type accepts. An object has the described members only. A rule that JSON Schema cannot say
 * is left out: the type itself still checks it.
 */
export function schemaOf(shape: { in: { toJsonSchema(options: object): unknown } }): JsonSchema {
  const schema = shape.in.toJsonSchema({
    dialect: null,
    fallback: { predicate: ({ base }: { base: unknown }) => base },
  });
  return closed(schema) as JsonSchema;
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return inner.type === "object" && "properties" in inner ? { additionalProperties: false, ...inner } : inner;
}

/** The members of an object type with the schema of each, in the order of their names. */
export function membersOf(shape: Parameters<typeof schemaOf>[0]): [name: string, schema: JsonSchema][] {
  const { properties = {} } = schemaOf(shape) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties);
}

/**
 * The JSON pointer of every member that a type knows, with `#` for any index of an array.
 * @param prefix the pointer to the value itself.
 */
export function pathsOf(shape: Parameters<typeof schemaOf>[0], prefix = ""): string[] {
  const below = pathsBelow(schemaOf(shape), prefix);
  return prefix === "" ? below : [prefix, ...below];
}

function pathsBelow(schema: JsonSchema, path: string): string[] {
  const { properties = {}, items, anyOf = [] } = schema as InnerSchemas;
  const inner = Object.entries(properties).map(([name, member]): [string, JsonSchema] => [
    pointerTo([name]),
    member,
  ]);
  if (items) inner.push(["/#", items]);
  return [
    ...inner.flatMap(([step, member]) => [path + step, ...pathsBelow(member, path + step)]),
    ...anyOf.flatMap((one) => pathsBelow(one, path)),
  ];
}

type InnerSchemas = { properties?: Record<string, JsonSchema>; items?: JsonSchema; anyOf?: JsonSchema[] };

/** A document without the members that are undefined. */
export function defined<T extends object>(document: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
