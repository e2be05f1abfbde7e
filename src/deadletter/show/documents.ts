/**
 * Dead letters and messages as JSON documents: what the routes answer and what the commands print with `--json`. Values
 * about a person are masked here, unless somebody asked to see them.
 */

import type { Problem } from "../../contract/rejection.ts";
import { foldIndexes } from "../../projector/fingerprint.ts";
import type { DeadLetterGroup } from "../find/dead-letter-groups-table.ts";
import type { ListedLetter } from "../find/dead-letter-pages-table.ts";
import type { BulkRedrive, FailureGroup } from "../repair/bulk-redrives-table.ts";
import type { DryRun, Trial } from "../repair/dry-run.ts";
import type { OperatorAction } from "../repair/operator-actions-table.ts";
import type { Biography } from "./biography.ts";
import type { DiffLine } from "./diff.ts";
import { maskHeaders } from "./mask.ts";
import { type LetterView, type LocatedProblem, maskProblems } from "./view.ts";

export function biographyDocument(biography: Biography, personalNames: readonly string[]) {
  const { entry, outcome, originalPosition, letter, redrivenAs, actions } = biography;
  const own = `/messages/${entry.position}`;
  return {
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
    ...(originalPosition === undefined ? {} : { original_position: String(originalPosition) }),
    ...(letter
      ? {
          state: letter.state,
          code: letter.code,
          fingerprint: letter.fingerprint,
          errors: maskProblems(letter.errors, personalNames).map(problemDocument),
        }
      : {}),
    ...(entry.redriveOf === null ? {} : { redrive_of: String(entry.redriveOf) }),
    ...(redrivenAs
      ? { redriven_as: { position: String(redrivenAs.position), outcome: redrivenAs.outcome } }
      : {}),
    actions: actions.map(actionDocument),
    links: {
      self: own,
      payload: `${own}/payload`,
      ...(letter ? { dead_letter: `/deadletters/${entry.position}` } : {}),
      ...(originalPosition === undefined ? {} : { original: `/messages/${originalPosition}` }),
      ...(entry.redriveOf === null ? {} : { redrive_of: `/messages/${entry.redriveOf}` }),
      ...(redrivenAs ? { redriven_as: `/messages/${redrivenAs.position}` } : {}),
    },
  };
}

/** @param errors the same problems as the biography's, with their places. */
export function letterDocument(
  biography: Biography,
  { payload, problems }: LetterView,
  diff: readonly DiffLine[] | undefined,
  personalNames: readonly string[],
) {
  return {
    ...biographyDocument(biography, personalNames),
    errors: problems.map(problemDocument),
    ...(biography.entry.headers ? { with: maskHeaders(biography.entry.headers, personalNames) } : {}),
    payload: {
      bytes: payload.bytes,
      encoding: payload.encoding,
      content: payload.content,
      offset: payload.offset,
      is_whole: payload.isWhole,
      is_masked: payload.isMasked,
    },
    ...(diff ? { diff } : {}),
  };
}

export function listedDocument(letter: ListedLetter, personalNames: readonly string[]) {
  const { originalPosition, redriveOf } = letter;
  return {
    position: String(letter.position),
    domain: letter.domain,
    source: letter.source,
    channel: letter.channel,
    state: letter.state,
    code: letter.code,
    fingerprint: letter.fingerprint,
    // A list is to be looked through; all of a letter's problems are shown with the letter.
    errors: maskProblems(letter.errors.slice(0, LISTED_PROBLEMS_MAX), personalNames).map(problemDocument),
    error_count: letter.errors.length,
    payload_bytes: letter.payloadBytes,
    received_at: letter.receivedAt.toISOString(),
    ...(originalPosition === null ? {} : { original_position: String(originalPosition) }),
    ...(redriveOf === null ? {} : { redrive_of: String(redriveOf) }),
  };
}

/** @param total of all letters in the state that the groups are of. */
export function groupDocument(group: DeadLetterGroup, letters: bigint, total: bigint, hours: number[]) {
  const cameBack = group.lastRedrivenAt && group.lastReceivedAt >= group.lastRedrivenAt;
  const causes = new Map(
    group.errors.map(({ path, rule, expected }) => [
      `${foldIndexes(path)} ${rule}`,
      // What was expected of one of them may name a position, which is not the others'.
      { path: foldIndexes(path), rule, expected: expected.replace(/\bposition \d+/, "an earlier position") },
    ]),
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
    last_seen: group.lastReceivedAt.toISOString(),
    sample: String(group.samplePosition),
    came_back_after: cameBack ? (group.lastRedrivenAt?.toISOString() ?? null) : null,
    hours,
  };
}

export function bulkDocument(bulk: BulkRedrive, failures?: readonly FailureGroup[]) {
  return {
    id: String(bulk.id),
    domain: bulk.domain,
    filter: bulk.filter,
    author: bulk.author,
    reason: bulk.reason,
    failures_max: Number(bulk.failuresMax),
    status: bulk.status,
    letters: Number(bulk.letters),
    redriven: Number(bulk.redriven),
    skipped: Number(bulk.skipped),
    projected: Number(bulk.projected),
    duplicate: Number(bulk.duplicate),
    dead: Number(bulk.dead),
    created_at: bulk.createdAt.toISOString(),
    updated_at: bulk.updatedAt.toISOString(),
    ...(failures
      ? {
          failures: failures.map(({ fingerprint, code, letters, samplePosition }) => ({
            fingerprint,
            code,
            count: Number(letters),
            sample: String(samplePosition),
          })),
        }
      : {}),
  };
}

export function dryRunDocument(run: DryRun, personalNames: readonly string[]) {
  const { letters, projected, duplicate, conflict, failures } = run;
  return {
    dry_run: true,
    letters,
    projected,
    duplicate,
    conflict,
    dead: failures.reduce((sum, failure) => sum + failure.letters, 0),
    failures: failures.map((failure) => ({
      fingerprint: failure.fingerprint,
      code: failure.code,
      count: failure.letters,
      sample: String(failure.sample),
      errors: maskProblems(failure.errors.slice(0, LISTED_PROBLEMS_MAX), personalNames).map(problemDocument),
    })),
  };
}

/** What would become of one letter. @param problems with their places; not masked, as whoever edits has seen it. */
export function trialDocument(
  { outcome, fingerprint }: Trial,
  problems: readonly LocatedProblem[],
  diff: readonly DiffLine[] | undefined,
) {
  const original =
    outcome.kind === "duplicate"
      ? outcome.originalPosition
      : outcome.kind === "dead"
        ? outcome.rejection.originalPosition
        : undefined;
  return {
    dry_run: true,
    outcome: outcome.kind,
    ...(outcome.kind === "dead" ? { code: outcome.rejection.code, fingerprint } : {}),
    ...(original === undefined ? {} : { original_position: String(original) }),
    errors: problems.map(problemDocument),
    ...(diff ? { diff } : {}),
  };
}

export function problemDocument(problem: LocatedProblem | Problem) {
  const { byteOffset, ...rest } = problem;
  return { ...rest, ...(byteOffset === undefined ? {} : { byte_offset: byteOffset }) };
}

function actionDocument(action: OperatorAction) {
  return {
    action: action.action,
    author: action.author,
    reason: action.reason,
    at: action.actedAt.toISOString(),
    ...(action.redrivePosition === null
      ? {}
      : { redrive_position: String(action.redrivePosition), is_edited: action.isEdited }),
    ...(action.bulkId === null ? {} : { bulk_redrive: String(action.bulkId) }),
  };
}

const LISTED_PROBLEMS_MAX = 5;
