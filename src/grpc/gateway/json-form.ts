/**
 * Validates requests in JSON and in URLs: each unknown member and each wrong type is a violation with its path. Names are
 * those of the `.proto` or in lower camel case.
 * Source: Protocol Buffers, "ProtoJSON format".
 */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import type { CallFailure } from "../../contract/errors.ts";
import { PROBLEMS_MAX } from "../../contract/rejection.ts";

type Violation = NonNullable<CallFailure["violations"]>[number];

/** @returns at most PROBLEMS_MAX violations. */
export function violationsIn(desc: DescMessage, value: unknown): Violation[] {
  const violations: Violation[] = [];
  for (const violation of violationsOf(desc, value, "")) {
    violations.push(violation);
    if (violations.length === PROBLEMS_MAX) break;
  }
  return violations;
}

/** Lazy, so that validation stops at the hundredth violation. */
function* violationsOf(desc: DescMessage, value: unknown, path: string): Generator<Violation> {
  if (isWellKnown(desc)) {
    if (!fits(() => fromJson(desc, value as JsonValue))) yield wrongType(path, desc.name);
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield wrongType(path, "a JSON object");
    return;
  }
  const seen = new Set<DescField>();
  for (const name in value) {
    const member: unknown = (value as Record<string, unknown>)[name];
    const field = fieldNamed(desc, name);
    if (!field) yield { field: join(path, name), rule: "unknown", description: "there is no such field" };
    else if (seen.has(field)) yield { field: join(path, name), rule: "unique", description: "stands twice" };
    else if (member !== null) yield* violationsOfField(field, member, join(path, field.name));
    if (field) seen.add(field);
  }
}

export function fieldNamed({ fields }: DescMessage, name: string): DescField | undefined {
  return fields.find((field) => field.name === name || field.jsonName === name);
}

/** Whether the field can be part of a URL. */
export function hasTextForm(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  const message = field.fieldKind === "message" || field.fieldKind === "list" ? field.message : undefined;
  return message === undefined || TEXTUAL.has(message.typeName);
}

/** The JSON value of a part of a URL. */
export function jsonOfText(field: DescField, text: string): JsonValue {
  if (scalarOf(field) === ScalarType.BOOL && /^(true|false)$/.test(text)) return text === "true";
  const isEnum = field.fieldKind === "enum" || (field.fieldKind === "list" && field.enum !== undefined);
  return isEnum && /^-?\d{1,10}$/.test(text) ? Number(text) : text;
}

function* violationsOfField(field: DescField, value: unknown, path: string): Generator<Violation> {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) yield wrongType(path, "a JSON array");
    else {
      for (const [index, element] of value.entries())
        yield* violationsOfValue(field, element, `${path}[${index}]`, (one) => [one]);
    }
  } else if (field.fieldKind === "map") {
    if (typeof value !== "object" || Array.isArray(value)) yield wrongType(path, "a JSON object");
    else {
      for (const [key, member] of Object.entries(value as object))
        yield* violationsOfValue(field, member, `${path}[${JSON.stringify(key)}]`, (one) => ({ [key]: one }));
    }
  } else {
    yield* violationsOfValue(field, value, path, (one) => one);
  }
}

/** @param within wraps the value into the field's whole value. */
function* violationsOfValue(
  field: DescField,
  value: unknown,
  path: string,
  within: (value: JsonValue) => JsonValue,
): Generator<Violation> {
  if (field.message) {
    yield* violationsOf(field.message, value, path);
    return;
  }
  const whole: JsonObject = { [field.jsonName]: within(value as JsonValue) };
  // JSON.parse has rounded such a number.
  const isRounded = typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  const isRight = fits(() => fromJson(field.parent, whole)) && !(isRounded && LONG.has(scalarOf(field)));
  if (!isRight) yield wrongType(path, descriptionOf(field));
}

function descriptionOf(field: DescField): string {
  if (field.enum) return `one of ${field.enum.values.map(({ name }) => name).join(", ")}`;
  const scalar = scalarOf(field);
  return (scalar && DESCRIPTIONS[scalar]) ?? "of another type";
}

function scalarOf(field: DescField): ScalarType | undefined {
  return field.fieldKind === "message" || field.fieldKind === "enum" ? undefined : field.scalar;
}

function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

function wrongType(field: string, expected: string): Violation {
  return { field: field === "" ? "body" : field, rule: "type", description: `must be ${expected}` };
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function fits(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}

/** Well-known types that are one JSON string. */
const TEXTUAL: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

const LONG: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.INT64,
  ScalarType.SINT64,
  ScalarType.SFIXED64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);

const SIGNED_LONG = "a whole number of 64 bits; beyond 2^53 as a string";
const UNSIGNED_LONG = "a whole number from 0 to 2^64-1; beyond 2^53 as a string";
const SIGNED = "a whole number from -2147483648 to 2147483647";
const UNSIGNED = "a whole number from 0 to 4294967295";

const DESCRIPTIONS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.DOUBLE]: "a number",
  [ScalarType.FLOAT]: "a number",
  [ScalarType.INT64]: SIGNED_LONG,
  [ScalarType.SINT64]: SIGNED_LONG,
  [ScalarType.SFIXED64]: SIGNED_LONG,
  [ScalarType.UINT64]: UNSIGNED_LONG,
  [ScalarType.FIXED64]: UNSIGNED_LONG,
  [ScalarType.INT32]: SIGNED,
  [ScalarType.SINT32]: SIGNED,
  [ScalarType.SFIXED32]: SIGNED,
  [ScalarType.UINT32]: UNSIGNED,
  [ScalarType.FIXED32]: UNSIGNED,
  [ScalarType.BOOL]: "true or false",
  [ScalarType.STRING]: "a string",
  [ScalarType.BYTES]: "a string in base64",
};
