/** The JSON document of a search. */
import { type } from "../../config/types.ts";
import { defined } from "../../contract/values/shapes.ts";
import { shape } from "../shapes.ts";
import { messagePage } from "../show/documents.ts";
import type { SearchResult } from "./search.ts";

const foundType = shape({
  kind: "'message'",
  matched: type("string[]").describe("what the text is of this message"),
  page: "string",
  position: "position",
  domain: "string",
  source: "string",
  channel: "string",
  message_id: "string",
  received_at: "time",
  outcome: "outcome",
  "code?": "code",
});

const groupType = shape({
  kind: "'group'",
  matched: "string[]",
  page: "string",
  domain: "string",
  fingerprint: "fingerprint",
  code: "code",
  letters: "count",
  open: "count",
});

export const searchType = shape({
  q: "string",
  matches: foundType.or(groupType).array(),
  has_more: "boolean",
  looked_for: type("string[]").describe("what the text was taken for, with the bounds of bounded searches"),
  forms: type("string[]").describe("what a text can be"),
}).configure({ title: "SearchResult" }, "self");

export type SearchDocument = typeof searchType.infer;

export function searchDocument(q: string, result: SearchResult, forms: string[]): SearchDocument {
  const messages = result.messages.map((message) =>
    defined({
      kind: "message" as const,
      matched: [...message.matched],
      page: messagePage(message.position),
      position: String(message.position),
      domain: message.domain,
      source: message.source,
      channel: message.channel,
      message_id: message.messageId,
      received_at: message.receivedAt.toISOString(),
      outcome: message.outcome,
      code: message.code ?? undefined,
    }),
  );
  const groups = result.groups.map(({ domain, fingerprint, code, letters, open }) => ({
    kind: "group" as const,
    matched: ["fingerprint of a group"],
    page: `/ui/dead-letter-list?${new URLSearchParams({ fingerprint, domain })}`,
    domain,
    fingerprint,
    code,
    letters: Number(letters),
    open: Number(open),
  }));
  return {
    q,
    matches: [...messages, ...groups],
    has_more: result.hasMore,
    looked_for: [...result.lookedFor],
    forms,
  };
}
