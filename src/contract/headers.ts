/**
 * The metadata that a broker delivers beside a payload, as JSON in the inbox. Bytes that are not text are stored in
 * base64, so nothing is lost.
 */
import { normalTraceparent } from "../telemetry/trace-context.ts";

export type Delivered = Readonly<{
  headers: readonly (readonly [name: Bytes, value: Bytes])[];
  key?: Bytes;
  /** Kafka's tombstone: no value, not even an empty one. */
  isNull?: boolean;
  /** For channels with several subjects. */
  subject?: string;
}>;

type Bytes = Uint8Array | string | null | undefined;

export type StoredBytes = string | { base64: string } | null;

export type StoredHeaders = Readonly<{
  headers?: readonly (readonly [name: StoredBytes, value: StoredBytes])[];
  key?: StoredBytes;
  payload?: null;
  subject?: StoredBytes;
}>;

/** @returns undefined if there is nothing to store. */
export function headersToJson({ headers, key, isNull, subject }: Delivered): string | undefined {
  const hasKey = key !== undefined && key !== null;
  if (headers.length === 0 && !hasKey && !isNull && subject === undefined) return undefined;
  return JSON.stringify({
    ...(headers.length > 0 ? { headers: headers.map(([name, value]) => [encode(name), encode(value)]) } : {}),
    ...(hasKey ? { key: encode(key) } : {}),
    ...(isNull ? { payload: null } : {}),
    ...(subject === undefined ? {} : { subject: encode(subject) }),
  });
}

/** By name, without headers that are not text. */
export function headersOf({
  headersJson,
}: Readonly<{ headersJson: string | undefined }>): Map<string, string> {
  const found = new Map<string, string>();
  if (headersJson === undefined) return found;
  const { headers = [] }: StoredHeaders = JSON.parse(headersJson);
  for (const [name, value] of headers) {
    if (typeof name === "string" && typeof value === "string") found.set(name, value);
  }
  return found;
}

export function traceparentIn(headers: Delivered["headers"]): string | undefined {
  for (const [name, value] of headers) {
    if (encode(name) !== "traceparent") continue;
    const text = encode(value);
    const traceparent = typeof text === "string" ? normalTraceparent(text) : undefined;
    if (traceparent !== undefined) return traceparent;
  }
  return undefined;
}

/** @returns undefined if PostgreSQL cannot store it: Kafka accepts any timestamp. */
export function validTimestamp(milliseconds: number): number | undefined {
  return milliseconds > 0 && milliseconds < LATEST_MS ? milliseconds : undefined;
}

function encode(bytes: Bytes): StoredBytes {
  if (bytes === null || bytes === undefined) return null;
  if (typeof bytes === "string" && isStorableText(bytes)) return bytes;
  const buffer = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : Buffer.from(bytes);
  const text = buffer.toString("utf8");
  return isStorableText(text) && Buffer.from(text, "utf8").equals(buffer)
    ? text
    : { base64: buffer.toString("base64") };
}

/** PostgreSQL's JSON holds neither U+0000 nor lone surrogates. */
function isStorableText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

const LATEST_MS = Date.UTC(9999, 11, 31);
