/**
 * Building blocks of the API's JSON documents. Each document is one arktype type, from which its TypeScript type, its
 * validation and its JSON Schema (2020-12, the dialect of OpenAPI 3.1) follow.
 */
import { scope, type } from "../../config/types.ts";
import { pointerTo } from "../rejection.ts";

declare global {
  interface ArkEnv {
    meta(): { format?: string };
  }
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Types of members: `shape({ position: "position" })`. */
export const words = scope({
  /** Text, because JavaScript's numbers cannot hold every position. */
  position: /^[1-9]\d{0,18}$/,
  time: type("string").configure({ format: "date-time" }),
  count: "number.integer >= 0",
}).export();

/** Without additional members. Rules that JSON Schema cannot express are left out; the type still checks them. */
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

export function membersOf(shape: Parameters<typeof schemaOf>[0]): [name: string, schema: JsonSchema][] {
  const { properties = {} } = schemaOf(shape) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties);
}

/** With `#` for an array's index. */
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
    ...anyOf.flatMap((schema) => pathsBelow(schema, path)),
  ];
}

type InnerSchemas = { properties?: Record<string, JsonSchema>; items?: JsonSchema; anyOf?: JsonSchema[] };

export function defined<T extends object>(document: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
