/**
 * What a broker delivers beside a payload, as the inbox keeps it: headers in their order, a key, and whether there was
 * a payload at all. Bytes that are text stay text; others are kept in base64, so nothing is lost on the way into JSON.
 */
import { TRACEPARENT } from "../telemetry/trace-context.ts";

export type Delivered = Readonly<{
  headers: readonly (readonly [name: Bytes, value: Bytes])[];
  key?: Bytes;
  /** The record had no value, not even an empty one: to Kafka that is a tombstone. */
  isNull?: boolean;
  /** Where its channel takes in several subjects: the one that it was published on. */
  subject?: string;
}>;

type Bytes = Uint8Array | string | null | undefined;

/** Text, or bytes that are none. */
export type Kept = string | { base64: string } | null;

/** What `headersToJson` writes. */
export type KeptHeaders = Readonly<{
  headers?: readonly (readonly [name: Kept, value: Kept])[];
  key?: Kept;
  /** There only where there was no payload at all. */
  payload?: null;
  subject?: Kept;
}>;

/** @returns undefined where there is nothing to keep. */
export function headersToJson({ headers, key, isNull, subject }: Delivered): string | undefined {
  const hasKey = key !== undefined && key !== null;
  if (headers.length === 0 && !hasKey && !isNull && subject === undefined) return undefined;
  return JSON.stringify({
    ...(headers.length > 0 ? { headers: headers.map(([name, value]) => [keep(name), keep(value)]) } : {}),
    ...(hasKey ? { key: keep(key) } : {}),
    ...(isNull ? { payload: null } : {}),
    ...(subject === undefined ? {} : { subject: keep(subject) }),
  });
}

/** The trace context that the headers carry. What is none is as good as none. */
export function traceparentIn(headers: Delivered["headers"]): string | undefined {
  for (const [name, value] of headers) {
    if (keep(name) !== "traceparent") continue;
    const text = keep(value);
    if (typeof text === "string" && TRACEPARENT.test(text)) return text;
  }
  return undefined;
}

/**
 * Milliseconds since the Unix epoch as the inbox can hold them; undefined for what no clock says. Kafka takes any time
 * that a producer gives, and PostgreSQL does not.
 */
export function plausibleTime(milliseconds: number): number | undefined {
  return milliseconds > 0 && milliseconds < LATEST_MS ? milliseconds : undefined;
}

function keep(bytes: Bytes): Kept {
  if (bytes === null || bytes === undefined) return null;
  if (typeof bytes === "string" && isKeptAsText(bytes)) return bytes;
  const buffer = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : Buffer.from(bytes);
  const text = buffer.toString("utf8");
  return isKeptAsText(text) && Buffer.from(text, "utf8").equals(buffer)
    ? text
    : { base64: buffer.toString("base64") };
}

/** PostgreSQL's JSON holds neither U+0000 nor half of a surrogate pair. */
function isKeptAsText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

const LATEST_MS = Date.UTC(9999, 11, 31);
