/**
 * JSON Schemas of messages with their rules. 64-bit integers are strings in answers, strings or numbers in requests.
 * Sources: Protocol Buffers, "ProtoJSON format"; buf/validate/validate.proto; JSON Schema 2020-12.
 */
import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as rulesOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { arrayOf, FLAG, object, oneOf, type Schema, TEXT, TIME } from "../../contract/openapi.ts";
import { COMMENTS } from "../../proto/comments.ts";

/** @param without fields outside of the body. */
export function requestSchema(desc: DescMessage, without: readonly DescField[] = []): Schema {
  return ofMessage(desc, true, [], without);
}

export function requestFieldSchema(field: DescField): Schema {
  return ofField(field, true, []);
}

export function responseSchema(desc: DescMessage): Schema {
  return ofMessage(desc, false, []);
}

function ofMessage(
  desc: DescMessage,
  isRequest: boolean,
  within: readonly DescMessage[],
  without: readonly DescField[] = [],
): Schema {
  const wellKnown = WELL_KNOWN[desc.typeName];
  if (wellKnown) return wellKnown;
  // A recursive message: describe it once.
  if (within.includes(desc)) return { type: "object" };
  const required: Record<string, Schema> = {};
  const optional: Record<string, Schema> = {};
  for (const field of desc.fields) {
    if (without.includes(field)) continue;
    const isRequired = isRequest ? mustStand(field) : isAlwaysWritten(field);
    const description = COMMENTS[`${desc.typeName}.${field.name}`];
    (isRequired ? required : optional)[field.name] = {
      ...ofField(field, isRequest, [...within, desc]),
      ...(description === undefined ? {} : { description }),
    };
  }
  return object(required, optional);
}

function ofField(field: DescField, isRequest: boolean, within: readonly DescMessage[]): Schema {
  const rules = isRequest ? rulesOf(field) : undefined;
  if (field.fieldKind === "list") {
    const repeated = rules?.type.case === "repeated" ? rules.type.value : undefined;
    return {
      ...arrayOf(ofValue(field, isRequest, within, repeated?.items)),
      ...(repeated?.minItems ? { minItems: Number(repeated.minItems) } : {}),
      ...(repeated?.maxItems ? { maxItems: Number(repeated.maxItems) } : {}),
      ...(repeated?.unique ? { uniqueItems: true } : {}),
    };
  }
  if (field.fieldKind === "map") {
    const map = rules?.type.case === "map" ? rules.type.value : undefined;
    return {
      type: "object",
      additionalProperties: ofValue(field, isRequest, within, map?.values),
      ...(map?.minPairs ? { minProperties: Number(map.minPairs) } : {}),
      ...(map?.maxPairs ? { maxProperties: Number(map.maxPairs) } : {}),
    };
  }
  return ofValue(field, isRequest, within, rules);
}

function ofValue(
  field: DescField,
  isRequest: boolean,
  within: readonly DescMessage[],
  rules: FieldRules | undefined,
): Schema {
  if (field.message) return ofMessage(field.message, isRequest, within);
  if (field.enum) return oneOf(...field.enum.values.map(({ name }) => name));
  switch (field.scalar) {
    case ScalarType.STRING:
      return ofText(rules);
    case ScalarType.BOOL:
      return FLAG;
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number", ...boundsOf(rules) };
    default:
      return ofInteger(field.scalar as ScalarType, isRequest, rules);
  }
}

function ofInteger(scalar: ScalarType, isRequest: boolean, rules: FieldRules | undefined): Schema {
  const isUnsigned = UNSIGNED.has(scalar);
  const bounds = boundsOf(rules);
  if (!LONG.has(scalar)) {
    const [minimum, maximum] = isUnsigned ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
    return { type: "integer", ...within({ minimum, maximum }, bounds) };
  }
  const isPositive = bounds.exclusiveMinimum === 0 || bounds.minimum === 1;
  const text: Schema = { type: "string", pattern: isPositive ? POSITIVE : isUnsigned ? NOT_NEGATIVE : WHOLE };
  if (!isRequest) return text;
  const number = { type: "integer", ...within(isUnsigned ? { minimum: 0 } : {}, bounds) };
  return { anyOf: [text, number] };
}

type Bounds = Partial<
  Record<"minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "const", number>
> & {
  enum?: readonly number[];
};

/** Bounds of the type and of the rules, the narrower one if both exist. */
function within(type: Bounds, bounds: Bounds): Bounds {
  const { minimum, maximum, ...rest } = type;
  return {
    ...rest,
    ...(minimum === undefined || bounds.exclusiveMinimum !== undefined ? {} : { minimum }),
    ...(maximum === undefined || bounds.exclusiveMaximum !== undefined ? {} : { maximum }),
    ...bounds,
  };
}

/** All numeric types name their rules alike. */
function boundsOf(rules: FieldRules | undefined): Bounds {
  const { value } = (rules?.type ?? {}) as { value?: Record<string, unknown> };
  if (value === undefined) return {};
  const {
    lessThan,
    greaterThan,
    const: constant,
    in: allowed,
  } = value as {
    lessThan?: { case?: string; value?: number | bigint };
    greaterThan?: { case?: string; value?: number | bigint };
    const?: number | bigint;
    in?: (number | bigint)[];
  };
  const has = (name: string) => Object.hasOwn(value, name);
  return {
    ...(greaterThan?.case === "gt" ? { exclusiveMinimum: Number(greaterThan.value) } : {}),
    ...(greaterThan?.case === "gte" ? { minimum: Number(greaterThan.value) } : {}),
    ...(lessThan?.case === "lt" ? { exclusiveMaximum: Number(lessThan.value) } : {}),
    ...(lessThan?.case === "lte" ? { maximum: Number(lessThan.value) } : {}),
    ...(has("const") && constant !== undefined ? { const: Number(constant) } : {}),
    ...(allowed && allowed.length > 0 ? { enum: allowed.map(Number) } : {}),
  };
}

function ofText(rules: FieldRules | undefined): Schema {
  if (rules?.type.case !== "string") return TEXT;
  const { minLen, maxLen, len, pattern, in: allowed } = rules.type.value;
  return {
    ...TEXT,
    ...(minLen || len ? { minLength: Number(len || minLen) } : {}),
    ...(maxLen || len ? { maxLength: Number(len || maxLen) } : {}),
    ...(pattern ? { pattern } : {}),
    ...(allowed.length > 0 ? { enum: allowed } : {}),
  };
}

/** Whether the zero value, which a missing field has, breaks the rules. */
function mustStand(field: DescField): boolean {
  const rules = rulesOf(field);
  if (!rules) return false;
  if (rules.required) return true;
  if (field.fieldKind === "list") return rules.type.case === "repeated" && rules.type.value.minItems > 0n;
  if (field.fieldKind === "map") return rules.type.case === "map" && rules.type.value.minPairs > 0n;
  if (field.presence !== IMPLICIT) return false;
  if (rules.type.case === "string") return rules.type.value.minLen > 0n || rules.type.value.len > 0n;
  const { minimum = 0, exclusiveMinimum = -1, maximum = 0, exclusiveMaximum = 1 } = boundsOf(rules);
  return minimum > 0 || exclusiveMinimum >= 0 || maximum < 0 || exclusiveMaximum <= 0;
}

/** Whether answers contain the field even if it is unset. */
function isAlwaysWritten(field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map" || field.presence === IMPLICIT;
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, rulesOption) ? getOption(field, rulesOption) : undefined;
}

/** google.protobuf.FeatureSet.FieldPresence.IMPLICIT */
const IMPLICIT = 2;

const UNSIGNED: ReadonlySet<ScalarType> = new Set([
  ScalarType.UINT32,
  ScalarType.FIXED32,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);

const LONG: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.SINT64,
  ScalarType.SFIXED64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);

const POSITIVE = "^[1-9]\\d{0,19}$";
const NOT_NEGATIVE = "^(0|[1-9]\\d{0,19})$";
const WHOLE = "^(0|-?[1-9]\\d{0,18})$";

const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": TIME,
  "google.protobuf.Duration": { type: "string", pattern: "^-?\\d+(\\.\\d{1,9})?s$" },
  "google.protobuf.FieldMask": TEXT,
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array" },
};
