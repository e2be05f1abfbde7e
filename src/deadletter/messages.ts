/** Messages of any outcome, for the desk: found by an identifier, shown with history and payload, masked or revealed. */
import { setImmediate } from "node:timers/promises";
import type { AnyDomain } from "../contract/domain.ts";
import { NotFoundError } from "../contract/errors.ts";
import { chosenDomains } from "../contract/values/parameters.ts";
import type { Database } from "../database/database.ts";
import type { Queryable } from "../database/queryable.ts";
import { selectAt, selectNeighbours } from "../inbox/inbox-table.ts";
import type { KnownPaths } from "../projector/fingerprint.ts";
import { insertReveals, type Operator } from "./operator-actions-table.ts";
import { searchDocument } from "./search/documents.ts";
import { formsOf, readText, searchMessages } from "./search/search.ts";
import { type Biography, readBiography } from "./show/biography.ts";
import { type DiffLine, diffPayloads } from "./show/diff.ts";
import { messageDocument } from "./show/documents.ts";
import { Mask } from "./show/mask.ts";
import { viewPayload } from "./show/view.ts";

export type MessagesOptions = Readonly<{
  database: Database;
  reads: Queryable;
  domains: ReadonlyMap<string, AnyDomain>;
  running: ReadonlyMap<string, AnyDomain>;
  viewOf: (domain: string, position: bigint) => Promise<string | undefined>;
  /** The address of a trace, with `{trace_id}`; undefined if there is none to link to. */
  traceUrl?: string | undefined;
}>;

export class Messages {
  readonly #options: MessagesOptions;
  readonly #masks: ReadonlyMap<string, Mask>;
  readonly #strictestMask: Mask;

  constructor(options: MessagesOptions) {
    const domains = [...options.domains.values()];
    this.#options = options;
    this.#masks = new Map(domains.map((domain) => [domain.name, new Mask(domain)]));
    const personalNames = domains.flatMap((domain) => domain.personalNames);
    this.#strictestMask = new Mask({ personalNames, paths: [] });
  }

  /**
   * By any identifier.
   * @param domain default: all.
   * @throws InvalidInputError that names the identifiers, or the domains if this one is unknown.
   */
  async find(given: unknown, domain?: string) {
    const { database } = this.#options;
    const known = [...this.#options.domains.keys()];
    const chosen = chosenDomains(domain, known);
    const running = [...this.#options.running.values()].filter(({ name }) => chosen.includes(name));
    const text = readText(given, running);
    const result = await database.transaction((transaction) =>
      searchMessages(transaction, text, running, known, domain),
    );
    return searchDocument(text, result, formsOf(running));
  }

  /** @param from see `viewPayload`. */
  async show(position: bigint, from?: number) {
    const biography = await this.biographyOf(position);
    return this.#documentOf(biography, this.maskOf(biography.entry.domain), from);
  }

  /** Unmasked; access is recorded first, also to the original of a redrive, which is compared with it. */
  async reveal(position: bigint, operator: Operator, from?: number) {
    const { redriveOf } = (await this.biographyOf(position)).entry;
    const compared = redriveOf === null ? [] : [redriveOf];
    await insertReveals(this.#options.reads, [position, ...compared], operator);
    return this.#documentOf(await this.biographyOf(position), Mask.none, from);
  }

  async biographyOf(position: bigint): Promise<Biography> {
    const biography = await readBiography(this.#options.reads, position);
    if (!biography) throw new NotFoundError("there is no message at this position");
    return biography;
  }

  async payloadOf(position: bigint): Promise<Buffer> {
    const [row] = await selectAt(this.#options.reads, [position], 1);
    if (!row) throw new NotFoundError("there is no message at this position");
    return row.payload;
  }

  /** What a redrive changed; undefined if nothing. */
  async changeOf({ entry }: Biography, mask: Mask, payload?: Buffer): Promise<DiffLine[] | undefined> {
    if (entry.redriveOf === null) return undefined;
    const before = await this.payloadOf(entry.redriveOf);
    const after = payload ?? (await this.payloadOf(entry.position));
    return before.equals(after) ? undefined : diffOf(before, after, mask);
  }

  /** A duplicate links to its original, a redriven letter to its redrive. */
  async viewOf({ entry, outcome, originalPosition, redrivenAs }: Biography): Promise<string | undefined> {
    const { viewOf } = this.#options;
    if (outcome === "projected") return viewOf(entry.domain, entry.position);
    if (outcome === "duplicate" && originalPosition) return viewOf(entry.domain, originalPosition);
    return redrivenAs?.outcome === "projected" ? viewOf(entry.domain, redrivenAs.position) : undefined;
  }

  /** Unknown domains are masked by the names of all domains. */
  maskOf(domain: string): Mask {
    return this.#masks.get(domain) ?? this.#strictestMask;
  }

  knownOf(domain: string): KnownPaths {
    return new Set(this.#options.domains.get(domain)?.paths);
  }

  async #documentOf(biography: Biography, mask: Mask, from: number | undefined) {
    const { entry, letter } = biography;
    const { reads, traceUrl } = this.#options;
    const payload = await this.payloadOf(entry.position);
    const diff = await this.changeOf(biography, mask, payload);
    const view = await this.viewOf(biography);
    const neighbours = await selectNeighbours(reads, entry.position);
    await setImmediate();
    const shown = viewPayload(payload, letter?.errors ?? [], mask, from);
    return messageDocument(biography, shown, { view, diff, mask }, neighbours, traceUrl);
  }
}

export function diffOf(before: Buffer, after: Buffer, mask: Mask): DiffLine[] | undefined {
  return diffPayloads(before.toString(), after.toString(), (text) => mask.text(text));
}
