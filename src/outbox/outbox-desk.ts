/** The outbox for operators, over HTTP and the command line. */
import { type } from "../config/types.ts";
import { NotFoundError } from "../contract/errors.ts";
import { chosenDomains } from "../contract/values/parameters.ts";
import { words } from "../contract/values/shapes.ts";
import type { Database } from "../database/database.ts";
import { insertAction, selectOutboxActions } from "./outbox-actions-table.ts";
import type { Place } from "./outbox-checkpoints-table.ts";
import { type Refusal, releaseRefusal, selectRefusals } from "./outbox-refusals-table.ts";
import { countEvents, deleteEvent } from "./outbox-table.ts";

const refusalType = type({
  domain: "string",
  position: words.position,
  ordinal: words.count,
  topic: "string",
  reason: type("string").describe("the broker's error name"),
  state: type("'blocked' | 'released'").describe("released: not sent again yet"),
  since: words.time,
}).configure({ title: "RefusedEvent" }, "self");

const actionType = type({
  domain: "string",
  position: words.position,
  ordinal: words.count,
  action: "'release' | 'discard'",
  refusal: type("string").describe("the broker's reason for the refusal"),
  author: "string",
  is_verified: type("boolean").describe("whether the author signed in with a token of this name"),
  reason: "string",
  at: words.time,
}).configure({ title: "OutboxAction" }, "self");

export const outboxType = type({
  domains: type({
    domain: "string",
    pending: words.count,
    oldest_seconds: "number >= 0",
    held: type(words.count).describe("refused events, and events behind a refused event with the same key"),
  }).array(),
  refusals: refusalType.array(),
  actions: actionType.array().describe("newest first"),
}).configure({ title: "Outbox" }, "self");

export const decidedEventType = type({
  domain: "string",
  position: words.position,
  ordinal: words.count,
  state: "'released' | 'discarded'",
}).configure({ title: "DecidedEvent" }, "self");

export type OutboxDocument = typeof outboxType.infer;
export type DecidedEventDocument = typeof decidedEventType.infer;

type Decision = Readonly<{ author: string; reason: string; isVerified?: boolean | undefined }>;

export type OutboxDeskOptions = Readonly<{
  database: Database;
  domains: readonly string[];
  onReleased?: (domain: string) => void;
}>;

export class OutboxDesk {
  readonly #options: OutboxDeskOptions;

  constructor(options: OutboxDeskOptions) {
    this.#options = options;
  }

  /**
   * Without keys, which can identify a person.
   * @param domain default: all. @throws InvalidInputError if it is unknown.
   */
  async show(domain?: string): Promise<OutboxDocument> {
    const { database } = this.#options;
    const domains = chosenDomains(domain, this.#options.domains);
    const counts = domains.map(async (name) => {
      const { pending, oldestSeconds, held } = await countEvents(database, name);
      return { domain: name, pending, oldest_seconds: oldestSeconds, held };
    });
    const refusals = await selectRefusals(database, domains);
    const actions = await selectOutboxActions(database, domains, ACTIONS_SHOWN);
    return {
      domains: await Promise.all(counts),
      refusals: refusals.map(({ domain, position, ordinal, topic, reason, state, refusedAt }) => ({
        domain,
        position: String(position),
        ordinal,
        topic,
        reason,
        state,
        since: refusedAt.toISOString(),
      })),
      actions: actions.map(({ position, actedAt, isVerified, ...action }) => ({
        ...action,
        is_verified: isVerified,
        position: String(position),
        at: actedAt.toISOString(),
      })),
    };
  }

  /** Those behind it follow. @throws NotFoundError */
  async release(place: Place, decision: Decision): Promise<DecidedEventDocument> {
    return this.#decide("release", place, decision, async () => {});
  }

  /** Irreversible; those behind it are sent. @throws NotFoundError */
  async discard(place: Place, decision: Decision): Promise<DecidedEventDocument> {
    return this.#decide("discard", place, decision, (transaction, { domain }) =>
      deleteEvent(transaction, domain, place),
    );
  }

  async #decide(
    action: "release" | "discard",
    place: Place,
    decision: Decision,
    apply: (transaction: Parameters<typeof deleteEvent>[0], refusal: Refusal) => Promise<void>,
  ): Promise<DecidedEventDocument> {
    const { domain } = await this.#options.database.transaction(async (transaction) => {
      const refusal = await releaseRefusal(transaction, place);
      if (!refusal)
        throw new NotFoundError("there is no refused event at this position and ordinal, or it was released");
      await insertAction(transaction, {
        domain: refusal.domain,
        ...place,
        action,
        refusal: refusal.reason,
        ...decision,
        isVerified: decision.isVerified ?? false,
      });
      await apply(transaction, refusal);
      return refusal;
    });
    this.#options.onReleased?.(domain);
    const state = action === "release" ? "released" : "discarded";
    return { domain, position: String(place.position), ordinal: place.ordinal, state };
  }
}

/** Operators look for recent ones. */
const ACTIONS_SHOWN = 50;
