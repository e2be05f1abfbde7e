/** How the routes of messages describe themselves. */
import {
  answer,
  arrayOf,
  bytes,
  COUNT,
  FLAG,
  header,
  inQuery,
  nullable,
  type Operation,
  object,
  oneOf,
  POSITION,
  POSITION_IN_PATH,
  problems,
  type Schema,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";

export const CODE = oneOf(
  "empty",
  "too_large",
  "not_utf8",
  "not_json",
  "schema",
  "conflict",
  "projection_failed",
);
export const STATE = oneOf("open", "redriven", "discarded");
export const FINGERPRINT: Schema = { type: "string", pattern: "^[0-9a-f]{16}$" };

/** One thing that is wrong with a message. */
export const PROBLEM_OF_MESSAGE = object(
  {
    path: { type: "string", description: "JSON pointer (RFC 6901); empty for the whole document" },
    rule: TEXT,
    expected: TEXT,
    received: { type: "string", description: "the type of what stood there" },
  },
  {
    excerpt: { type: "string", description: "its beginning; masked where it is personal" },
    byte_offset: COUNT,
    range: object({ start: COUNT, end: COUNT }),
  },
);

export const DIFF = arrayOf(object({ kind: oneOf("same", "removed", "added", "skipped"), text: TEXT }));

const ACTION = object(
  {
    action: oneOf("redrive", "discard", "restore", "reveal"),
    author: nullable(TEXT),
    reason: nullable(TEXT),
    at: TIME,
  },
  { redrive_position: POSITION, is_edited: FLAG, bulk_redrive: TEXT },
);

const OUTCOME = oneOf("pending", "projected", "duplicate", "dead");

/** The members of a biography: those that are always there, and the others. */
export const BIOGRAPHY = {
  required: {
    position: POSITION,
    domain: TEXT,
    source: TEXT,
    channel: TEXT,
    message_id: TEXT,
    payload_bytes: COUNT,
    traceparent: nullable(TEXT),
    published_at: nullable(TIME),
    received_at: TIME,
    outcome: OUTCOME,
    actions: arrayOf(ACTION),
    links: object(
      { self: TEXT, payload: TEXT },
      { dead_letter: TEXT, original: TEXT, redrive_of: TEXT, redriven_as: TEXT },
    ),
  },
  optional: {
    original_position: POSITION,
    state: STATE,
    code: CODE,
    fingerprint: FINGERPRINT,
    errors: arrayOf(PROBLEM_OF_MESSAGE),
    redrive_of: POSITION,
    redriven_as: object({ position: POSITION, outcome: OUTCOME }),
    diff: DIFF,
  },
} as const;

export const show: Operation = {
  tags: ["messages"],
  summary: "The biography of a message",
  description: "Where it came from, what became of it, why, and who did what about it since.",
  parameters: [
    POSITION_IN_PATH,
    inQuery("wait", "seconds to wait for the outcome, at most 30", {
      type: "number",
      minimum: 0,
      maximum: 30,
    }),
  ],
  responses: {
    200: answer("the biography", object(BIOGRAPHY.required, BIOGRAPHY.optional)),
    ...problems(400, 404),
  },
};

export const payload: Operation = {
  tags: ["messages"],
  summary: "The bytes of a message",
  description: "Unmasked, so the asking is recorded.",
  parameters: [POSITION_IN_PATH, inQuery("author", "who asks", TEXT), inQuery("reason", "why", TEXT)],
  responses: {
    200: bytes("the bytes as they arrived", "application/octet-stream", {
      "content-disposition": header("as an attachment"),
    }),
    ...problems(400, 404),
  },
};
