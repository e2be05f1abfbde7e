/**
 * Everything that operators can see and do, each as one function that gives a JSON document: the routes of the server
 * and the commands of the shell are two ways to the same desk.
 */

import type { AnyDomain } from "../contract/domain.ts";
import { NotFoundError } from "../contract/errors.ts";
import type { Jobs } from "../database/jobs.ts";
import type { Queryable } from "../database/queryable.ts";
import { selectAt } from "../inbox/inbox-table.ts";
import type { State } from "../projector/dead-letters-table.ts";
import type { DeadLetterFilter } from "./find/filter.ts";
import { findDeadLetters } from "./find/find.ts";
import { readOverview } from "./find/overview.ts";
import { beginBulkRedrive, cancelBulkRedrive, openPositions } from "./repair/bulk-redrive.ts";
import { selectBulkRedrive, selectBulkRedrives, selectFailures } from "./repair/bulk-redrives-table.ts";
import { enqueueBulkRedrive } from "./repair/bulk-runner.ts";
import { discardLetter, restoreLetter } from "./repair/discard.ts";
import { dryRun, tryPayload } from "./repair/dry-run.ts";
import { insertReveal, type Operator } from "./repair/operator-actions-table.ts";
import { type RedriveContext, redriveLetter } from "./repair/redrive.ts";
import { type Biography, readBiography } from "./show/biography.ts";
import { diffPayloads } from "./show/diff.ts";
import {
  biographyDocument,
  bulkDocument,
  dryRunDocument,
  letterDocument,
  listedDocument,
  trialDocument,
} from "./show/documents.ts";
import { maskText } from "./show/mask.ts";
import { viewPayload } from "./show/view.ts";

/** What of a redrive concerns others; its database is for pages, too, and for whatever takes long. */
export type DeskOptions = Omit<RedriveContext, "tryPayload"> &
  Readonly<{
    /** For what is read of one letter. */
    reads: Queryable;
    /** Those that this process can run; letters of others can be looked at. */
    domains: readonly AnyDomain[];
    jobs: Jobs;
  }>;

export type Desk = ReturnType<typeof createDesk>;

export function createDesk(options: DeskOptions) {
  const { reads, database, domains, jobs } = options;
  const personalNames = [...new Set(domains.flatMap((domain) => domain.personalNames))];
  const known = new Map(domains.map((domain) => [domain.name, domain]));
  const domainOf = (name: string): AnyDomain => {
    const domain = known.get(name);
    if (!domain) throw new NotFoundError(`the domain ${name} does not run here: set DOMAINS`);
    return domain;
  };
  const biographyOf = async (position: bigint) => {
    const biography = await readBiography(reads, position);
    if (!biography) throw new NotFoundError("there is no message at this position");
    return biography;
  };
  const payloadOf = async (position: bigint): Promise<Buffer> => {
    const [row] = await selectAt(reads, [position], 1);
    if (!row) throw new NotFoundError("there is no message at this position");
    return row.payload;
  };
  const context: RedriveContext = {
    ...options,
    tryPayload: async ({ position, domain }, payload) =>
      tryPayload(database, domainOf(domain), payload ?? (await payloadOf(position))),
  };
  const deadLetterOf = async (position: bigint) => {
    const biography = await biographyOf(position).catch((error) => {
      throw error instanceof NotFoundError ? noDeadLetter() : error;
    });
    if (!biography.letter) throw noDeadLetter();
    return { biography, letter: biography.letter };
  };
  const readLetter = async (position: bigint, masked: readonly string[] | undefined) => {
    const { biography, letter } = await deadLetterOf(position);
    const payload = await payloadOf(position);
    const diff = await changeOf(biography, masked, payload);
    return letterDocument(biography, viewPayload(payload, letter.errors, masked), diff, masked ?? []);
  };

  return {
    /** Groups, trend, totals and the oldest open one. */
    overview: (state: State | undefined, limit: number) => readOverview(database, state, limit, new Date()),

    list: async (filter: DeadLetterFilter, limit: number, before: bigint | undefined) => {
      const { letters, next, searched } = await database.transaction((transaction) =>
        findDeadLetters(transaction, filter, limit, before),
      );
      return {
        deadletters: letters.map((letter) => listedDocument(letter, personalNames)),
        next: next === undefined ? null : String(next),
        ...(searched === undefined ? {} : { searched }),
      };
    },

    /** One letter beside its payload, with personal values masked. */
    show: (position: bigint) => readLetter(position, personalNames),

    /** The same with nothing masked; that it was asked for is recorded first. */
    reveal: async (position: bigint, operator: Operator) => {
      await deadLetterOf(position);
      await insertReveal(reads, position, operator);
      return readLetter(position, undefined);
    },

    /** The bytes of a message; that they were asked for is recorded first. */
    payload: async (position: bigint, operator: Operator) => {
      const payload = await payloadOf(position);
      await insertReveal(reads, position, operator);
      return payload;
    },

    biography: async (position: bigint) => {
      const biography = await biographyOf(position);
      const changed = await changeOf(biography, personalNames);
      return { ...biographyDocument(biography, personalNames), ...(changed ? { diff: changed } : {}) };
    },

    /** What would become of a letter if it were redriven now, as it is or with another payload. */
    tryRedrive: async (position: bigint, edited: Buffer | undefined) => {
      const { biography, letter } = await deadLetterOf(position);
      const original = await payloadOf(position);
      const payload = edited ?? original;
      const trial = await context.tryPayload(letter, payload);
      const problems = trial.outcome.kind === "dead" ? trial.outcome.rejection.problems : [];
      // What somebody wrote hides nothing from them; the original does, until somebody has asked to see it.
      const view = viewPayload(payload, problems, edited ? undefined : personalNames);
      const isRevealed = biography.actions.some(({ action }) => action === "reveal");
      const diff = edited && diffOf(original, edited, isRevealed ? undefined : personalNames);
      return trialDocument(trial, view.problems, diff);
    },

    redrive: async (position: bigint, edited: Buffer | undefined, operator: Operator) => {
      const { redrivePosition } = await redriveLetter(context, position, edited, operator);
      return {
        position: String(position),
        redrive_position: String(redrivePosition),
        links: { redriven_as: `/messages/${redrivePosition}` },
      };
    },

    discard: async (position: bigint, operator: Operator) => {
      await discardLetter(database, position, operator);
      return { position: String(position), state: "discarded" };
    },

    restore: async (position: bigint, operator: Operator) => {
      await restoreLetter(database, position, operator);
      return { position: String(position), state: "open" };
    },

    /** What would become of all letters that match. @param onProgress is told how many of how many are done. */
    tryRedriveMany: async (
      filter: DeadLetterFilter,
      limit: number,
      signal?: AbortSignal,
      onProgress: (done: number, of: number) => void = () => {},
    ) => {
      const positions = await database.transaction((transaction) =>
        openPositions(transaction, filter, limit),
      );
      const run = await dryRun(database, known, positions, signal, (done) =>
        onProgress(done, positions.length),
      );
      return dryRunDocument(run, personalNames);
    },

    /** Freezes all letters that match and begins to redrive them. */
    redriveMany: async (
      filter: DeadLetterFilter,
      limit: number,
      failuresMax: number,
      operator: Required<Operator>,
    ) => {
      const id = await beginBulkRedrive(
        database,
        { filter, limit, failuresMax },
        operator,
        (transaction, bulkId) => enqueueBulkRedrive(jobs, transaction, bulkId),
      );
      return readBulk(id);
    },

    bulk: readBulk,

    bulks: async () => ({
      redrives: (await selectBulkRedrives(reads, BULKS_SHOWN)).map((bulk) => bulkDocument(bulk)),
    }),

    cancel: async (id: bigint, operator: Operator) => {
      await cancelBulkRedrive(database, id, operator);
      return readBulk(id);
    },
  };

  async function readBulk(id: bigint) {
    const bulk = await selectBulkRedrive(reads, id);
    if (!bulk) throw new NotFoundError("there is no such bulk redrive");
    return bulkDocument(bulk, bulk.dead > 0n ? await selectFailures(reads, id) : []);
  }

  /** What was changed on the way: a redrive beside what it redrives. */
  async function changeOf({ entry }: Biography, masked: readonly string[] | undefined, payload?: Buffer) {
    if (entry.redriveOf === null) return undefined;
    const before = await payloadOf(entry.redriveOf);
    const after = payload ?? (await payloadOf(entry.position));
    return before.equals(after) ? undefined : diffOf(before, after, masked);
  }
}

function diffOf(before: Buffer, after: Buffer, masked: readonly string[] | undefined) {
  return diffPayloads(before.toString(), after.toString(), (text) =>
    masked ? maskText(text, masked) : text,
  );
}

function noDeadLetter(): NotFoundError {
  return new NotFoundError("there is no dead letter at this position");
}

/** The latest that anybody would look for. */
const BULKS_SHOWN = 20;
