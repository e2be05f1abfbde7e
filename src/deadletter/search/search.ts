/**
 * Finds messages by any identifier. A text enters and is taken for each identifier that it can be; the
 * matches leave, with what was looked for, because some searches are bounded.
 */
import type { AnyDomain } from "../../contract/domain.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import { parsePosition } from "../../contract/values/integers.ts";
import { chosenDomains } from "../../contract/values/parameters.ts";
import { defined } from "../../contract/values/shapes.ts";
import type { Transaction } from "../../database/transaction.ts";
import { readBrokerNames } from "../../inbox/sources/broker-names.ts";
import { normalTraceparent } from "../../telemetry/trace-context.ts";
import { selectHolding } from "../find/dead-letter-pages-table.ts";
import { findDeadLetters } from "../find/find.ts";
import {
  beginSearch,
  type FoundGroup,
  type FoundMessage,
  IDS_MAX,
  selectByIdRange,
  selectByMessageId,
  selectByTraceId,
  selectFound,
  selectGroupsOf,
  selectPending,
} from "./search-table.ts";

export type SearchResult = Readonly<{
  messages: readonly (FoundMessage & Readonly<{ matched: readonly string[] }>)[];
  groups: readonly FoundGroup[];
  hasMore: boolean;
  lookedFor: readonly string[];
}>;

/**
 * @param text as from `readText`.
 * @param running domains whose documents are searched: the tables of others may not exist.
 * @param known names of all domains that exist.
 * @param domain one of them; default: all, and those that no longer exist.
 */
export async function searchMessages(
  transaction: Transaction,
  text: string,
  running: readonly AnyDomain[],
  known: readonly string[],
  domain?: string,
): Promise<SearchResult> {
  const found = new Matches();
  await beginSearch(transaction);
  const position = parsePosition(text);
  if (position !== undefined) found.add("position", [position]);
  for (const { name, documents = [] } of running) {
    for (const { what, find } of documents) {
      found.add(`${what} (${name})`, await find(transaction, text));
    }
  }
  const named = await selectByMessageId(transaction, text, domain, MATCHES_MAX + 1);
  found.lookFor("message id or idempotency key");
  for (const { position, source } of named) {
    found.add(source === "http" ? "idempotency key" : "message id", [position], { isListed: false });
  }
  await addBrokerNames(transaction, text, domain, found);
  const traceId = traceIdIn(text);
  if (traceId !== undefined) {
    found.add("trace id", await selectByTraceId(transaction, traceId, domain, MATCHES_MAX + 1));
  }
  const isFingerprint = FINGERPRINT.test(text);
  const groups = isFingerprint ? await selectGroupsOf(transaction, chosenDomains(domain, known), text) : [];
  if (isFingerprint) found.lookFor("fingerprint of a group");
  if (isTextOfPayload(text)) await addPayloads(transaction, text, known, domain, found);
  const matches = await selectFound(transaction, found.positions, domain);
  return {
    messages: matches
      .slice(0, MATCHES_MAX)
      .map((message) => ({ ...message, matched: found.whatMatched(message.position) })),
    groups,
    hasMore: matches.length > MATCHES_MAX,
    lookedFor: found.lookedFor,
  };
}

/** What a text can be, with examples, for people. */
export function formsOf(running: readonly AnyDomain[]): string[] {
  const documents = running.flatMap(({ name, documents = [] }) =>
    documents.map(({ what }) => `${what} (${name})`),
  );
  return [...FORMS, ...documents];
}

/** @throws InvalidInputError that names the forms. */
export function readText(given: unknown, running: readonly AnyDomain[]): string {
  const text = typeof given === "string" ? given.trim() : "";
  if (text.length >= 1 && text.length <= TEXT_LENGTH_MAX && STORABLE.test(text)) return text;
  const forms = formsOf(running).join("; ");
  throw new InvalidInputError(
    "q",
    `q must be one text of 1 to ${TEXT_LENGTH_MAX} characters, which can be: ${forms}`,
  );
}

async function addBrokerNames(
  transaction: Transaction,
  text: string,
  domain: string | undefined,
  found: Matches,
): Promise<void> {
  for (const { what, prefix, sources, channel, partition } of readBrokerNames(text)) {
    const last = prefix.charCodeAt(prefix.length - 1);
    const range = { from: prefix, to: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
    const { positions, examined } = await selectByIdRange(
      transaction,
      { ...range, sources, channel, partition },
      domain,
      MATCHES_MAX + 1,
    );
    const isCut = examined === IDS_MAX;
    found.add(what, positions, { bound: isCut ? `the first ${IDS_MAX} ids that begin with ${prefix}` : "" });
  }
}

/** A letter has no document, and a pending message has none yet, so only their payloads hold its id. */
async function addPayloads(
  transaction: Transaction,
  text: string,
  known: readonly string[],
  domain: string | undefined,
  found: Matches,
): Promise<void> {
  const pending: bigint[] = [];
  for (const name of chosenDomains(domain, known)) {
    pending.push(...(await selectPending(transaction, name, PENDING_MAX - pending.length)));
  }
  const { holding, examined } = await selectHolding(transaction, pending, text, PENDING_BYTES_MAX);
  found.add("payload of a pending message", holding, { bound: `${examined} searched` });
  const { letters, searched = 0 } = await findDeadLetters(
    transaction,
    defined({ q: text, domain }),
    MATCHES_MAX + 1,
    undefined,
  );
  const positions = letters.map(({ position }) => position);
  found.add("payload of a dead letter", positions, { bound: `${searched} searched, newest first` });
}

/** Positions in the order in which they were found, each once. */
class Matches {
  readonly lookedFor: string[] = [];
  readonly #matched = new Map<bigint, string[]>();

  get positions(): bigint[] {
    return [...this.#matched.keys()];
  }

  whatMatched(position: bigint): readonly string[] {
    return this.#matched.get(position) ?? [];
  }

  lookFor(what: string, bound = ""): void {
    this.lookedFor.push(bound === "" ? what : `${what}: ${bound}`);
  }

  add(what: string, positions: readonly bigint[], { bound = "", isListed = true } = {}): void {
    if (isListed) this.lookFor(what, bound);
    for (const position of positions) {
      this.#matched.set(position, [...(this.#matched.get(position) ?? []), what]);
    }
  }
}

/** From a trace id, or a whole traceparent. */
function traceIdIn(text: string): string | undefined {
  const lower = text.toLowerCase();
  return TRACE_ID.test(lower) ? lower : normalTraceparent(lower)?.split("-")[1];
}

/** A number, or two letters, stands in too many payloads. */
function isTextOfPayload(text: string): boolean {
  return text.length >= PAYLOAD_TEXT_LENGTH_MIN && !/^\d+$/.test(text);
}

const FORMS = [
  "position in the inbox, such as 2003",
  "message id of the broker",
  "idempotency key",
  "sequence in a stream of NATS",
  "Kafka's topic/partition/offset or partition/offset",
  "trace id of 32 hexadecimal digits, or a traceparent",
  "fingerprint of a group of dead letters, 16 hexadecimal digits",
  "text in the payload of a recent dead letter or of a pending message",
];

const TRACE_ID = /^[0-9a-f]{32}$/;
const FINGERPRINT = /^[0-9a-f]{16}$/;

/** Unicode without NUL and lone surrogates, as PostgreSQL accepts it. */
const STORABLE = /^[^\0\p{Cs}]*$/u;

/** Longer than any id: a broker's has up to 100 characters, an idempotency key 255. */
export const TEXT_LENGTH_MAX = 512;
const PAYLOAD_TEXT_LENGTH_MIN = 3;

/** About one screen. */
const MATCHES_MAX = 20;

/** Bounds like those of a search in dead letters. */
const PENDING_MAX = 1_000;
const PENDING_BYTES_MAX = 16 * 1024 * 1024;
