/**
 * The desk: all operator actions on messages and dead letters, for the HTTP routes and the command line. Each method
 * returns a JSON document, or throws `NotFoundError`, `InvalidInputError` for an invalid filter, or `WrongStateError` if
 * another operator acted first. Slow steps on a large payload run in separate turns, so that other requests are answered.
 */
import { setImmediate } from "node:timers/promises";
import type { AnyDomain } from "../contract/domain.ts";
import { NotFoundError } from "../contract/errors.ts";
import { chosenDomains } from "../contract/values/parameters.ts";
import type { Jobs } from "../database/jobs.ts";
import type { DeadLetter } from "../projector/dead-letters-table.ts";
import { listActions } from "./actions/list.ts";
import { type ExportFormat, exportLetters } from "./export/export.ts";
import type { GroupFilter } from "./find/dead-letter-groups-table.ts";
import { neighboursDocument, type PageDocument, pageDocument } from "./find/documents.ts";
import type { DeadLetterFilter } from "./find/filter.ts";
import { findDeadLetters, findNeighbours } from "./find/find.ts";
import { readOverview } from "./find/overview.ts";
import { diffOf, Messages, type MessagesOptions } from "./messages.ts";
import { type Decider, insertReveals, type Operator } from "./operator-actions-table.ts";
import { BulkDecisions } from "./repair/bulk-decisions.ts";
import { beginBulkRedrive, cancelBulkRedrive, openPositions } from "./repair/bulk-redrive.ts";
import { selectBulkRedrive, selectBulkRedrives, selectFailures } from "./repair/bulk-redrives-table.ts";
import { BULK_REDRIVE_QUEUE, enqueueBulk } from "./repair/bulk-runner.ts";
import { discardLetter, restoreLetter } from "./repair/discard.ts";
import { bulkDocument, dryRunDocument, trialDocument } from "./repair/documents.ts";
import { dryRun, tryPayload } from "./repair/dry-run.ts";
import { type RedriveContext, redriveLetter } from "./repair/redrive.ts";
import { TransformTrials } from "./repair/transform-trials.ts";
import { type Biography, readBiography } from "./show/biography.ts";
import { biographyDocument, letterDocument, outcomeDocument } from "./show/documents.ts";
import { Mask } from "./show/mask.ts";
import { viewPayload } from "./show/view.ts";
import type { Step } from "./transform/steps.ts";
import type { Transformer } from "./transform/transformer.ts";

export type DeskOptions = Omit<RedriveContext, "tryPayload"> &
  Omit<MessagesOptions, "domains" | "running"> &
  Readonly<{
    domains: readonly AnyDomain[];
    /** Only letters of these domains can be dry-run. */
    running: readonly string[];
    jobs: Jobs;
    transformer: Transformer;
  }>;

export class Desk {
  readonly decisions: BulkDecisions;
  readonly #options: DeskOptions;
  readonly #domains: ReadonlyMap<string, AnyDomain>;
  readonly #running: ReadonlyMap<string, AnyDomain>;
  readonly messages: Messages;
  readonly transforms: TransformTrials;

  constructor(options: DeskOptions) {
    const { domains, running } = options;
    this.#options = options;
    this.decisions = new BulkDecisions({ ...options, checkDomain: (filter) => this.#checkDomain(filter) });
    this.#domains = new Map(domains.map((domain) => [domain.name, domain]));
    this.#running = new Map(
      domains.flatMap((domain) => (running.includes(domain.name) ? [[domain.name, domain]] : [])),
    );
    this.messages = new Messages({ ...options, domains: this.#domains, running: this.#running });
    this.transforms = new TransformTrials({
      ...options,
      running: this.#running,
      maskOf: (domain) => this.messages.maskOf(domain),
      checkDomain: (filter) => this.#checkDomain(filter),
    });
  }

  overview(filter: GroupFilter, limit: number) {
    this.#checkDomain(filter);
    const knownOf = (domain: string) => this.messages.knownOf(domain);
    const maskOf = (domain: string) => this.messages.maskOf(domain);
    return readOverview(this.#options.database, filter, limit, new Date(), knownOf, maskOf);
  }

  /** What operators did. See `listActions`. */
  actions(filter: unknown, limit: number, before: string | undefined) {
    return listActions(this.#options.database, [...this.#domains.keys()], filter, limit, before);
  }

  /** Newest first. @param before `next` of the previous page. */
  async list(filter: DeadLetterFilter, limit: number, before: bigint | undefined): Promise<PageDocument> {
    this.#checkDomain(filter);
    const page = await this.#options.database.transaction((transaction) =>
      findDeadLetters(transaction, filter, limit, before),
    );
    return pageDocument(page, (domain) => this.messages.maskOf(domain));
  }

  /**
   * All matching letters, in parts.
   * @param revealTo gets personal data; access is recorded first. @throws InvalidInputError before the first part.
   */
  export(filter: DeadLetterFilter, format: ExportFormat, revealTo: Decider | undefined) {
    this.#checkDomain(filter);
    const maskOf = (domain: string) => this.messages.maskOf(domain);
    return exportLetters(this.#options.database, filter, format, maskOf, revealTo);
  }

  /** @param filter of the list that holds the letter. */
  async neighbours(position: bigint, filter: DeadLetterFilter) {
    this.#checkDomain(filter);
    const found = await this.#options.database.transaction((transaction) =>
      findNeighbours(transaction, filter, position),
    );
    return neighboursDocument(found);
  }

  /** For senders: no payload, operators or diff. */
  async outcome(position: bigint) {
    const biography = await this.messages.biographyOf(position);
    return outcomeDocument(biography, this.messages.knownOf(biography.entry.domain));
  }

  async biography(position: bigint) {
    const biography = await this.messages.biographyOf(position);
    const mask = this.messages.maskOf(biography.entry.domain);
    const diff = await this.messages.changeOf(biography, mask);
    return biographyDocument(biography, { view: await this.messages.viewOf(biography), diff, mask });
  }

  /** @param from see `viewPayload`. */
  async show(position: bigint, from?: number) {
    const letter = await this.#letterAt(position);
    return this.#letterDocument(letter, this.messages.maskOf(letter.entry.domain), from);
  }

  /** Unmasked; access is recorded first, also to the message that is compared with this one. */
  async reveal(position: bigint, operator: Operator, from?: number) {
    const { entry, letter } = await this.#letterAt(position);
    const compared = [entry.redriveOf, conflictOf(letter)].filter((other) => typeof other === "bigint");
    await insertReveals(this.#options.reads, [position, ...compared], operator);
    return this.#letterDocument(await this.#letterAt(position), Mask.none, from);
  }

  /** Unmasked; access is recorded first. */
  async payload(position: bigint, operator: Operator): Promise<Buffer> {
    const payload = await this.messages.payloadOf(position);
    await insertReveals(this.#options.reads, [position], operator);
    return payload;
  }

  /** @param edited undefined for the original payload. */
  async tryRedrive(position: bigint, edited: Buffer | undefined) {
    const { letter, actions } = await this.#letterAt(position);
    const mask = this.messages.maskOf(letter.domain);
    const original = await this.messages.payloadOf(position);
    const payload = edited ?? original;
    const domain = this.#runningDomain(letter.domain);
    const trial = await tryPayload(this.#options.database, domain, position, payload);
    const problems = trial.outcome.kind === "dead" ? trial.outcome.rejection.problems : [];
    // The operator's own text is not masked; the original is, unless it was revealed.
    const view = viewPayload(payload, problems, edited ? Mask.none : mask);
    await setImmediate();
    const isRevealed = actions.some(({ action }) => action === "reveal");
    const diff = edited && diffOf(original, edited, isRevealed ? Mask.none : mask);
    return trialDocument(trial, view.problems, diff);
  }

  /** @throws RejectedError if the edited payload would fail again. */
  async redrive(position: bigint, edited: Buffer | undefined, operator: Operator) {
    const tryEdited = ({ domain }: DeadLetter, payload: Buffer) =>
      tryPayload(this.#options.database, this.#runningDomain(domain), position, payload);
    const context = { ...this.#options, tryPayload: tryEdited };
    const { redrivePosition } = await redriveLetter(context, position, edited, operator);
    return {
      position: String(position),
      redrive_position: String(redrivePosition),
      links: { redriven_as: `/messages/${redrivePosition}` },
    };
  }

  async discard(position: bigint, operator: Operator) {
    await discardLetter(this.#options.database, position, operator);
    return { position: String(position), state: "discarded" } as const;
  }

  async restore(position: bigint, operator: Operator) {
    await restoreLetter(this.#options.database, position, operator);
    return { position: String(position), state: "open" } as const;
  }

  async tryRedriveMany(
    filter: DeadLetterFilter,
    limit: number,
    signal?: AbortSignal,
    onProgress: (done: number, total: number) => void = () => {},
  ) {
    this.#checkDomain(filter);
    const { database } = this.#options;
    const positions = await database.transaction((transaction) => openPositions(transaction, filter, limit));
    const run = await dryRun(database, this.#running, positions, signal, (done) =>
      onProgress(done, positions.length),
    );
    return dryRunDocument(run, (domain) => this.messages.maskOf(domain));
  }

  /** @param steps transform each letter. */
  async redriveMany(
    filter: DeadLetterFilter,
    limit: number,
    failuresMax: number,
    operator: Decider,
    steps?: readonly Step[],
  ) {
    this.#checkDomain(filter);
    const { database, jobs, transformer } = this.#options;
    if (steps) await transformer.begin(steps);
    const id = await beginBulkRedrive(
      database,
      { filter, limit, failuresMax, steps },
      operator,
      (transaction, bulkId) => enqueueBulk(jobs, transaction, BULK_REDRIVE_QUEUE, bulkId),
    );
    return this.bulk(id);
  }

  async bulk(id: bigint) {
    const { reads } = this.#options;
    const bulk = await selectBulkRedrive(reads, id);
    if (!bulk) throw new NotFoundError("there is no such bulk redrive");
    return bulkDocument(
      bulk,
      this.messages.maskOf(bulk.domain),
      bulk.dead > 0n ? await selectFailures(reads, id) : [],
    );
  }

  async bulks() {
    const bulks = await selectBulkRedrives(this.#options.reads, BULKS_SHOWN);
    return { redrives: bulks.map((bulk) => bulkDocument(bulk, this.messages.maskOf(bulk.domain))) };
  }

  /** The step in flight is still completed. */
  async cancel(id: bigint, operator: Operator) {
    await cancelBulkRedrive(this.#options.database, id, operator);
    return this.bulk(id);
  }

  async #letterDocument(letter: Letter, mask: Mask, from: number | undefined) {
    const payload = await this.messages.payloadOf(letter.entry.position);
    const diff = await this.messages.changeOf(letter, mask, payload);
    await setImmediate();
    const original = conflictOf(letter.letter);
    const originalDiff =
      original === undefined ? undefined : diffOf(await this.messages.payloadOf(original), payload, mask);
    const view = await this.messages.viewOf(letter);
    await setImmediate();
    return letterDocument(letter, viewPayload(payload, letter.letter.errors, mask, from), {
      view,
      diff,
      originalDiff,
      mask,
    });
  }

  async #letterAt(position: bigint): Promise<Letter> {
    const biography = await readBiography(this.#options.reads, position);
    if (!biography?.letter) throw new NotFoundError("there is no dead letter at this position");
    return { ...biography, letter: biography.letter };
  }

  #runningDomain(name: string): AnyDomain {
    const domain = this.#running.get(name);
    if (!domain) throw new NotFoundError(`the domain ${name} does not run in this process: set DOMAINS`);
    return domain;
  }

  #checkDomain({ domain }: GroupFilter): void {
    chosenDomains(domain, [...this.#domains.keys()]);
  }
}

type Letter = Biography & Readonly<{ letter: DeadLetter }>;

/** @returns the first message with the same key, which has other content. */
function conflictOf({ code, originalPosition }: DeadLetter): bigint | undefined {
  return code === "conflict" ? (originalPosition ?? undefined) : undefined;
}

/** Operators look for recent ones. */
const BULKS_SHOWN = 20;
