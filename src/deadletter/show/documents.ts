/** JSON documents of messages and dead letters, with personal data masked. */
import { type } from "../../config/types.ts";
import { defined } from "../../contract/values/shapes.ts";
import type { DeadLetter } from "../../projector/dead-letters-table.ts";
import { foldPath, type KnownPaths } from "../../projector/fingerprint.ts";
import type { OperatorAction } from "../operator-actions-table.ts";
import { type ProblemDocument, shape, shapes, verified } from "../shapes.ts";
import type { Biography } from "./biography.ts";
import type { DiffLine } from "./diff.ts";
import type { Mask } from "./mask.ts";
import type { LetterView, LocatedProblem } from "./view.ts";

const actionType = shape({
  action: "'redrive' | 'discard' | 'restore' | 'reveal'",
  author: "string | null",
  is_verified: verified,
  reason: "string | null",
  at: "time",
  "redrive_position?": "position",
  "is_edited?": "boolean",
  "bulk_redrive?": "string",
  "bulk_decision?": "string",
}).configure({ title: "OperatorAction" }, "self");

export const biographyType = shape({
  position: "position",
  domain: "string",
  source: "string",
  channel: "string",
  message_id: "string",
  payload_bytes: "count",
  traceparent: "string | null",
  published_at: "time | null",
  received_at: "time",
  outcome: "outcome",
  view: "string | null",
  actions: actionType.array(),
  links: {
    self: "string",
    page: "string",
    payload: "string",
    "dead_letter?": "string",
    "original?": "string",
    "redrive_of?": "string",
    "redriven_as?": "string",
  },
  "original_position?": "position",
  "state?": "state",
  "code?": "code",
  "fingerprint?": "fingerprint",
  "errors?": "problem[]",
  "redrive_of?": "position",
  "redriven_as?": { position: "position", outcome: "outcome" },
  "diff?": "diff",
}).configure({ title: "MessageHistory" }, "self");

/** For senders: no payload, operators or diff. */
export const outcomeType = shape({
  position: "position",
  domain: "string",
  source: "string",
  channel: "string",
  received_at: "time",
  outcome: "outcome",
  "original_position?": "position",
  "code?": "code",
  "errors?": shape({ path: "string", rule: "string", expected: "string" }).array(),
  "redriven_as?": { position: "position", outcome: "outcome" },
}).configure({ title: "MessageOutcome" }, "self");

/** The address of the page about a position. */
export function messagePage(position: bigint): string {
  return `/ui/message?position=${position}`;
}

const storedType = shape("string | null").or({ base64: "string" });

export const letterType = shape({
  "...": biographyType,
  state: "state",
  code: "code",
  fingerprint: "fingerprint",
  errors: "problem[]",
  payload: {
    bytes: "count",
    encoding: "'text' | 'base64'",
    content: "string",
    length: type("number").describe("length of the whole payload: UTF-16 units of a text, else bytes"),
    offset: type("number").describe("start of the content, in the unit of `length`"),
    "within?": type({ path: "string", open: "string" }).describe(
      "for a part that begins within a JSON document: the pointer to its first value, and the bracket of each open object or array",
    ),
    is_whole: "boolean",
    is_masked: "boolean",
  },
  "with?": type({
    "headers?": type([storedType, storedType]).readonly().array().readonly(),
    "key?": storedType,
    "payload?": type("null").describe("the record had no payload (tombstone)"),
    "subject?": storedType,
  }).describe("headers, key and subject from the broker"),
  "original_diff?": shapes.diff.describe(
    "for a conflict: the first message (`removed`) and this one (`added`); absent if they differ too much",
  ),
}).configure({ title: "DeadLetter" }, "self");

/** A message of any outcome with its payload. */
export const messageType = shape({
  "...": biographyType,
  payload: letterType.get("payload"),
  "with?": letterType.get("with").exclude("undefined"),
  previous: biographyType.get("position").or("null"),
  next: biographyType.get("position").or("null"),
  trace: shape({ id: "string", url: "string | null" }).or("null"),
}).configure({ title: "Message" }, "self");

export type BiographyDocument = typeof biographyType.infer;
export type LetterDocument = typeof letterType.infer;

export type Shown = Readonly<{ view: string | undefined; diff: DiffLine[] | undefined; mask: Mask }>;

export function biographyDocument(biography: Biography, { view, diff, mask }: Shown): BiographyDocument {
  const { entry, outcome, letter, redrivenAs, actions } = biography;
  const original = biography.originalPosition?.toString();
  const redriveOf = entry.redriveOf?.toString();
  return defined({
    position: String(entry.position),
    domain: entry.domain,
    source: entry.source,
    channel: entry.channel,
    message_id: entry.messageId,
    payload_bytes: entry.payloadBytes,
    traceparent: entry.traceparent,
    published_at: entry.publishedAt?.toISOString() ?? null,
    received_at: entry.receivedAt.toISOString(),
    outcome,
    view: view ?? null,
    original_position: original,
    state: letter?.state,
    code: letter?.code,
    fingerprint: letter?.fingerprint,
    errors: letter?.errors.map((problem) => problemDocument(mask.problem(problem))),
    redrive_of: redriveOf,
    redriven_as: redrivenAs && { position: String(redrivenAs.position), outcome: redrivenAs.outcome },
    diff,
    actions: actions.map(actionDocument),
    links: defined({
      self: `/messages/${entry.position}`,
      page: messagePage(entry.position),
      payload: `/messages/${entry.position}/payload`,
      dead_letter: letter && `/deadletters/${entry.position}`,
      original: original && `/messages/${original}`,
      redrive_of: redriveOf && `/messages/${redriveOf}`,
      redriven_as: redrivenAs && `/messages/${redrivenAs.position}`,
    }),
  });
}

/** @param known paths of the schema; other names would reveal the payload. */
export function outcomeDocument(
  { entry, outcome, originalPosition, letter, redrivenAs }: Biography,
  known: KnownPaths,
): typeof outcomeType.infer {
  return defined({
    position: String(entry.position),
    domain: entry.domain,
    source: entry.source,
    channel: entry.channel,
    received_at: entry.receivedAt.toISOString(),
    outcome,
    original_position: originalPosition?.toString(),
    code: letter?.code,
    errors: letter?.errors.map(({ path, rule, expected }) => {
      const folded = foldPath(path, known);
      return { path: folded.endsWith("/*") ? folded : path, rule, expected };
    }),
    redriven_as: redrivenAs && { position: String(redrivenAs.position), outcome: redrivenAs.outcome },
  });
}

export function letterDocument(
  biography: Biography & { letter: DeadLetter },
  { payload, problems }: LetterView,
  shown: Shown & Readonly<{ originalDiff: DiffLine[] | undefined }>,
): LetterDocument {
  const { state, code, fingerprint } = biography.letter;
  const { headers } = biography.entry;
  return defined({
    ...biographyDocument(biography, shown),
    state,
    code,
    fingerprint,
    errors: problems.map(problemDocument),
    with: headers ? shown.mask.headers(headers) : undefined,
    original_diff: shown.originalDiff,
    payload: payloadDocument(payload),
  });
}

/** @param neighbours the positions before and after in the inbox. @param traceUrl where `{trace_id}` is replaced. */
export function messageDocument(
  biography: Biography,
  { payload, problems }: LetterView,
  shown: Shown,
  { previous, next }: Readonly<{ previous: bigint | null; next: bigint | null }>,
  traceUrl: string | undefined,
): typeof messageType.infer {
  const { headers, traceparent } = biography.entry;
  const traceId = traceparent?.split("-")[1];
  return defined({
    ...biographyDocument(biography, shown),
    errors: biography.letter && problems.map(problemDocument),
    with: headers ? shown.mask.headers(headers) : undefined,
    payload: payloadDocument(payload),
    previous: previous?.toString() ?? null,
    next: next?.toString() ?? null,
    trace: traceId ? { id: traceId, url: traceUrl?.replaceAll("{trace_id}", traceId) ?? null } : null,
  });
}

function payloadDocument(payload: LetterView["payload"]): LetterDocument["payload"] {
  return {
    bytes: payload.bytes,
    encoding: payload.encoding,
    content: payload.content,
    length: payload.length,
    offset: payload.offset,
    ...(payload.within ? { within: payload.within } : {}),
    is_whole: payload.isWhole,
    is_masked: payload.isMasked,
  };
}

export function problemDocument({ byteOffset, ...problem }: LocatedProblem): ProblemDocument {
  return defined({ ...problem, byte_offset: byteOffset });
}

function actionDocument(action: OperatorAction): typeof actionType.infer {
  const isRedrive = action.redrivePosition !== null;
  return defined({
    action: action.action,
    author: action.author,
    is_verified: action.isVerified,
    reason: action.reason,
    at: action.actedAt.toISOString(),
    redrive_position: action.redrivePosition?.toString(),
    is_edited: isRedrive ? action.isEdited : undefined,
    bulk_redrive: action.bulkId?.toString(),
    bulk_decision: action.decisionId?.toString(),
  });
}
