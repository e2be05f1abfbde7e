/** JSON documents of lists and groups of dead letters. */
import { type } from "../../config/types.ts";
import { defined } from "../../contract/values/shapes.ts";
import { foldPath, type KnownPaths } from "../../projector/fingerprint.ts";
import { shape, shapes } from "../shapes.ts";
import { problemDocument } from "../show/documents.ts";
import type { Mask } from "../show/mask.ts";
import type { DeadLetterGroup } from "./dead-letter-groups-table.ts";
import { LISTED_PROBLEMS_MAX, type ListedLetter } from "./dead-letter-pages-table.ts";
import type { DeadLetterPage, Neighbours, Total } from "./find.ts";

export const listedType = shape({
  position: "position",
  domain: "string",
  source: "string",
  channel: "string",
  state: "state",
  code: "code",
  fingerprint: "fingerprint",
  errors: "problem[]",
  error_count: "count",
  payload_bytes: "count",
  received_at: "time",
  "original_position?": "position",
  "redrive_of?": "position",
}).configure({ title: "ListedDeadLetter" }, "self");

const totalType = shape({ letters: "count", is_exact: "boolean" })
  .or("null")
  .describe("matching letters; if not exact, there are more; null for a text search");

export const pageType = shape({
  deadletters: listedType.array(),
  next: type("null").or(listedType.get("position")).describe("`before` of the next page; null on the last"),
  "searched?": "count",
  total: totalType,
}).configure({ title: "DeadLetterPage" }, "self");

/** What the newest letter of the group had at the path, and what was expected. */
const causeType = shape({
  path: type("string").describe("JSON pointer with # for an index and * for names outside of the schema"),
  rule: "string",
  expected: "string",
  received: "string",
  "excerpt?": type("string").describe("start of the value in the newest letter; masked if personal"),
}).configure({ title: "Cause" }, "self");

const neighbour = type("null").or(listedType.get("position"));

export const neighboursType = shape({
  previous: neighbour.describe("the next newer letter; null if there is none"),
  next: neighbour.describe("the next older letter; null if there is none"),
  index: type("null")
    .or(shapes.count)
    .describe("the letter's place in the list, from 1; null if it does not match, or is not counted"),
  total: totalType,
}).configure({ title: "Neighbours" }, "self");

const groupType = shape({
  fingerprint: "fingerprint",
  domain: "string",
  code: "code",
  causes: causeType.array(),
  cause_count: "count",
  channels: "string[]",
  count: "count",
  share: "0 <= number <= 1",
  open: "count",
  redriven: "count",
  discarded: "count",
  first_seen: "time",
  last_seen: "time",
  sample: "position",
  came_back_after: "time | null",
  hours: "count[]",
}).configure({ title: "DeadLetterGroup" }, "self");

export const overviewType = shape({
  groups: groupType.array(),
  has_more: "boolean",
  totals: { open: "count", redriven: "count", discarded: "count" },
  oldest_open: shape({ position: "position", received_at: "time" }).or("null"),
  trend: { since: "time", hours: "count[]" },
}).configure({ title: "DeadLetterOverview" }, "self");

export type PageDocument = typeof pageType.infer;
export type OverviewDocument = typeof overviewType.infer;

/** @param mask of a letter's domain. */
export function pageDocument(
  { letters, next, searched, total }: DeadLetterPage,
  maskOf: (domain: string) => Mask,
): PageDocument {
  return defined({
    deadletters: letters.map((letter) => listedDocument(letter, maskOf(letter.domain))),
    next: next?.toString() ?? null,
    searched,
    total: totalDocument(total),
  });
}

export function listedDocument(letter: ListedLetter, mask: Mask): typeof listedType.infer {
  return defined({
    position: String(letter.position),
    domain: letter.domain,
    source: letter.source,
    channel: letter.channel,
    state: letter.state,
    code: letter.code,
    fingerprint: letter.fingerprint,
    errors: letter.errors.map((problem) => problemDocument(mask.problem(problem))),
    error_count: letter.errorCount,
    payload_bytes: letter.payloadBytes,
    received_at: letter.receivedAt.toISOString(),
    original_position: letter.originalPosition?.toString(),
    redrive_of: letter.redriveOf?.toString(),
  });
}

export function neighboursDocument(found: Neighbours): typeof neighboursType.infer {
  return {
    previous: found.previous?.toString() ?? null,
    next: found.next?.toString() ?? null,
    index: found.index ?? null,
    total: totalDocument(found.total),
  };
}

function totalDocument(total: Total | undefined): typeof totalType.infer {
  return total ? { letters: Number(total.letters), is_exact: total.isExact } : null;
}

/** @param letters in the requested state. @param total letters of all groups in that state. */
export function groupDocument(
  group: DeadLetterGroup,
  letters: bigint,
  total: bigint,
  hours: number[],
  known: KnownPaths,
  mask: Mask,
): typeof groupType.infer {
  const { lastRedrivenAt, lastReceivedAt } = group;
  const causes = new Map(
    group.errors.map((problem) => {
      const path = foldPath(problem.path, known);
      const { rule, expected, received, excerpt } = mask.problem(problem);
      return [`${path} ${rule}`, defined({ path, rule, expected, received, excerpt })];
    }),
  );
  return {
    fingerprint: group.fingerprint,
    domain: group.domain,
    code: group.code,
    causes: [...causes.values()].slice(0, LISTED_PROBLEMS_MAX),
    cause_count: causes.size,
    channels: [...new Set(group.channels)],
    count: Number(letters),
    share: total === 0n ? 0 : Number(letters) / Number(total),
    open: Number(group.open),
    redriven: Number(group.redriven),
    discarded: Number(group.discarded),
    first_seen: group.firstReceivedAt.toISOString(),
    last_seen: lastReceivedAt.toISOString(),
    sample: String(group.samplePosition),
    came_back_after: lastRedrivenAt && lastReceivedAt >= lastRedrivenAt ? lastRedrivenAt.toISOString() : null,
    hours,
  };
}
