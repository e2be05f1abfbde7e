/** Previews and dry runs of transformations: a filter and steps enter, what they would do leaves, and nothing changes. */
import type { AnyDomain } from "../../contract/domain.ts";
import type { Database } from "../../database/database.ts";
import type { ListedLetter } from "../find/dead-letter-pages-table.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import { findDeadLetters } from "../find/find.ts";
import type { Mask } from "../show/mask.ts";
import type { Step } from "../transform/steps.ts";
import type { Transformer } from "../transform/transformer.ts";
import { openPositions, requireOpen } from "./bulk-redrive.ts";
import { type PreviewDocument, previewDocument, transformTrialDocument } from "./documents.ts";
import { dryRun, tryPayload } from "./dry-run.ts";
import { previewLetters } from "./preview.ts";

export type TransformTrialsOptions = Readonly<{
  database: Database;
  transformer: Transformer;
  /** Domains of this process, by name. */
  running: ReadonlyMap<string, AnyDomain>;
  maskOf: (domain: string) => Mask;
  /** @throws InvalidInputError for an unknown domain. */
  checkDomain: (filter: DeadLetterFilter) => void;
}>;

export class TransformTrials {
  readonly #options: TransformTrialsOptions;

  constructor(options: TransformTrialsOptions) {
    this.#options = options;
  }

  /** @param steps empty for a suggestion only. @throws InvalidInputError for an invalid expression. */
  async preview(
    filter: DeadLetterFilter,
    steps: readonly Step[],
    samples: number,
    signal?: AbortSignal,
  ): Promise<PreviewDocument> {
    this.#options.checkDomain(filter);
    requireOpen(filter);
    const { database, transformer, running, maskOf } = this.#options;
    const transformation = await transformer.begin(steps);
    const page = await database.transaction((transaction) =>
      findDeadLetters(transaction, { ...filter, state: "open" }, PREVIEWED_FROM, undefined),
    );
    const tryPayloadOf = ({ domain: name, position }: ListedLetter, payload: Buffer) => {
      const domain = running.get(name);
      return domain && tryPayload(database, domain, position, payload);
    };
    const context = { database, transformation, tryPayload: tryPayloadOf, maskOf, signal };
    return previewDocument(page, await previewLetters(context, page.letters, samples), maskOf);
  }

  /** @throws InvalidInputError for an invalid expression, or if the steps reach their limits. */
  async dryRun(
    filter: DeadLetterFilter,
    steps: readonly Step[],
    limit: number,
    signal?: AbortSignal,
    onProgress: (done: number, total: number) => void = () => {},
  ) {
    this.#options.checkDomain(filter);
    const { database, transformer, running, maskOf } = this.#options;
    const transformation = await transformer.begin(steps);
    const positions = await database.transaction((transaction) => openPositions(transaction, filter, limit));
    const report = (done: number) => onProgress(done, positions.length);
    const run = await dryRun(database, running, positions, signal, report, transformation);
    return transformTrialDocument(run, maskOf);
  }
}

/** The newest open letters have the kinds that arrive now; a page of them takes milliseconds. */
const PREVIEWED_FROM = 200;
