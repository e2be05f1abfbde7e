/** The desk's part for bulk discards and restores. */
import type { Database } from "../../database/database.ts";
import type { Jobs } from "../../database/jobs.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import type { Decider, Operator } from "../operator-actions-table.ts";
import { beginBulkDecision, cancelBulkDecision, countDecision, noSuchDecision } from "./bulk-decision.ts";
import { selectBulkDecision, selectBulkDecisions } from "./bulk-decisions-table.ts";
import { BULK_DECISION_QUEUE, enqueueBulk } from "./bulk-runner.ts";
import type { Decision } from "./discard.ts";
import { bulkDecisionDocument } from "./documents.ts";

export type BulkDecisionsOptions = Readonly<{
  database: Database;
  reads: Queryable;
  jobs: Jobs;
  /** @throws InvalidInputError for an unknown domain. */
  checkDomain: (filter: DeadLetterFilter) => void;
}>;

export class BulkDecisions {
  readonly #options: BulkDecisionsOptions;

  constructor(options: BulkDecisionsOptions) {
    this.#options = options;
  }

  /** How many letters the action would change. */
  async count(action: Decision, filter: DeadLetterFilter, limit: number) {
    const { database, checkDomain } = this.#options;
    checkDomain(filter);
    return { dry_run: true, letters: await countDecision(database, action, filter, limit) } as const;
  }

  /** Small sets are decided when it returns. */
  async begin(action: Decision, filter: DeadLetterFilter, limit: number, operator: Decider) {
    const { database, jobs, checkDomain } = this.#options;
    checkDomain(filter);
    const id = await beginBulkDecision(
      database,
      action,
      { filter, limit },
      operator,
      (transaction, decisionId) => enqueueBulk(jobs, transaction, BULK_DECISION_QUEUE, decisionId),
    );
    return this.show(id);
  }

  async show(id: bigint) {
    const bulk = await selectBulkDecision(this.#options.reads, id);
    if (!bulk) throw noSuchDecision();
    return bulkDecisionDocument(bulk);
  }

  async list() {
    const decisions = await selectBulkDecisions(this.#options.reads, SHOWN_MAX);
    return { decisions: decisions.map(bulkDecisionDocument) };
  }

  /** The step in flight is still completed. */
  async cancel(id: bigint, operator: Operator) {
    await cancelBulkDecision(this.#options.database, id, operator);
    return this.show(id);
  }
}

/** Operators look for recent ones. */
const SHOWN_MAX = 20;
