/**
 * Parses an event of the order service: payload and two headers enter, a change or a rejection leaves. Unknown members are
 * ignored, so that the order service can add some.
 */
import { compiled, type } from "../../config/types.ts";
import { headersOf } from "../../contract/headers.ts";
import type { InboxRow } from "../../contract/message.ts";
import { excerptOf, type Problem, type Rejection } from "../../contract/rejection.ts";
import { parseDateTime } from "../../contract/values/date-time.ts";
import { integerText } from "../../contract/values/integer-text.ts";
import { INT64_MAX } from "../../contract/values/integers.ts";
import { parseJsonDocument } from "../../contract/values/json-document.ts";
import { schemaProblems } from "../../contract/values/schema-problems.ts";
import { pathsOf } from "../../contract/values/shapes.ts";

export const STATUSES = ["new", "awaiting payment", "payed", "cancelled", "failed"] as const;
export type Status = (typeof STATUSES)[number];

export type Change = Readonly<{
  /** Identity of the event; copies share it. */
  messageId: string;
  order: bigint;
  user: bigint;
  status: Status;
  /** Time of the change, in milliseconds since the Unix epoch. */
  momentMs: number;
  /** 1 for the first change of its order. */
  sequence: number;
}>;

/** Above every valid event. Not a setting, because outcomes depend on it. */
export const EVENT_BYTES_MAX = 64 * 1024;

export const EVENT_HEADERS = ["message-id", "sequence"] as const;

const int64 = integerText(1n, INT64_MAX);
// Only the form of toISOString, which every reader understands alike.
const moment = type("string").narrow(
  (text, context) => isMoment(text) || context.mustBe("a UTC date-time such as 2026-01-31T12:00:00.000Z"),
);

const event = compiled({ order_id: int64, user: int64, status: type.enumerated(...STATUSES), moment });

/** Headers have paths like members of the payload. */
export const CHANGE_PATHS: readonly string[] = [...pathsOf(event), ...EVENT_HEADERS.map(pathOfHeader)];

/** @returns the change, or a rejection. */
export function parseChange(row: Pick<InboxRow, "payload" | "headersJson">): Change | Rejection {
  const document = parseJsonDocument(row.payload, EVENT_BYTES_MAX);
  if ("code" in document) return document;
  const checked = event(document.value);
  if (checked instanceof type.errors)
    return { code: "schema", problems: schemaProblems(checked, document.value) };
  const headers = headersOf(row);
  const messageId = headers.get("message-id");
  const sequence = Number(headers.get("sequence"));
  const problems = [
    ...headerProblems("message-id", messageId, MESSAGE_ID, "<domain>/<position>/<ordinal>"),
    ...headerProblems("sequence", headers.get("sequence"), SEQUENCE, "a whole number from 1 to 999999999"),
  ];
  if (problems.length > 0 || messageId === undefined) return { code: "schema", problems };
  const { order_id: order, user, status } = checked;
  const momentMs = Date.parse(checked.moment);
  return { messageId, order: BigInt(order), user: BigInt(user), status, momentMs, sequence };
}

export function isSameChange(one: Change, other: Change): boolean {
  return (
    one.order === other.order &&
    one.user === other.user &&
    one.status === other.status &&
    one.momentMs === other.momentMs &&
    one.sequence === other.sequence
  );
}

export function pathOfHeader(name: (typeof EVENT_HEADERS)[number]): string {
  return `/headers/${name}`;
}

function* headerProblems(
  name: (typeof EVENT_HEADERS)[number],
  text: string | undefined,
  form: RegExp,
  expected: string,
): Iterable<Problem> {
  const path = pathOfHeader(name);
  if (text === undefined) {
    yield { path, rule: "required", expected: `the header ${name}: ${expected}`, received: "nothing" };
  } else if (!form.test(text)) {
    const excerpt = excerptOf(text);
    yield { path, rule: "pattern", expected: `the header ${name}: ${expected}`, received: "string", excerpt };
  }
}

function isMoment(text: string): boolean {
  const time = parseDateTime(text);
  return time !== undefined && time >= 0 && new Date(time).toISOString() === text;
}

const MESSAGE_ID = /^[a-z]{1,63}\/[1-9]\d{0,18}\/\d{1,9}$/;
const SEQUENCE = /^[1-9]\d{0,8}$/;
