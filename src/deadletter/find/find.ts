/** Finds dead letters: a filter enters, a page of letters and the cursor of the next one leave. */

import { InvalidInputError } from "../../contract/errors.ts";
import type { Transaction } from "../../database/transaction.ts";
import {
  type Cursor,
  type ListedLetter,
  type PageOptions,
  selectCursor,
  selectHolding,
  selectListed,
  selectPlaces,
} from "./dead-letter-pages-table.ts";
import type { DeadLetterFilter } from "./filter.ts";

export type DeadLetterPage = Readonly<{
  letters: readonly ListedLetter[];
  /** Pass it as `before` for what follows; undefined at the end. */
  next: bigint | undefined;
  /** Of a search in payloads: how many letters were looked at for this page, which may be all it could afford. */
  searched: number | undefined;
}>;

/**
 * One page, newest first.
 * @param before the position that the page before ended with.
 * @throws InvalidInputError where `before` is no dead letter.
 */
export async function findDeadLetters(
  transaction: Transaction,
  filter: DeadLetterFilter,
  limit: number,
  before: bigint | undefined,
): Promise<DeadLetterPage> {
  const after = before === undefined ? undefined : await cursorAt(transaction, before);
  const { places, next, searched } = await matchingPlaces(transaction, filter, {
    ...(after ? { after } : {}),
    order: "newest first",
    limit,
  });
  return {
    letters: await selectListed(
      transaction,
      places.map(({ position }) => position),
    ),
    next: next?.position,
    searched,
  };
}

/** The positions of all letters that match, oldest first, at most `limit`. */
export async function findAllPositions(
  transaction: Transaction,
  filter: DeadLetterFilter,
  limit: number,
  signal?: AbortSignal,
): Promise<bigint[]> {
  const positions: bigint[] = [];
  let after: Cursor | undefined;
  do {
    signal?.throwIfAborted();
    const page: Matching = await matchingPlaces(transaction, filter, {
      ...(after ? { after } : {}),
      order: "oldest first",
      limit: limit - positions.length,
    });
    for (const { position } of page.places) positions.push(position);
    after = page.next;
  } while (after && positions.length < limit);
  return positions;
}

type Matching = { places: Cursor[]; next: Cursor | undefined; searched: number | undefined };

async function matchingPlaces(
  transaction: Transaction,
  filter: DeadLetterFilter,
  options: PageOptions,
): Promise<Matching> {
  if (filter.q === undefined) {
    const places = await selectPlaces(transaction, filter, options);
    return {
      places,
      next: places.length < options.limit ? undefined : places.at(-1),
      searched: undefined,
    };
  }
  const candidates = await selectPlaces(transaction, filter, { ...options, limit: SEARCHED_LETTERS_MAX });
  const { holding, examined } = await selectHolding(
    transaction,
    candidates.map(({ position }) => position),
    filter.q,
    SEARCHED_BYTES_MAX,
  );
  const found = new Set(holding.slice(0, options.limit));
  const places = candidates.filter(({ position }) => found.has(position));
  const isCut = holding.length > options.limit;
  const isAtEnd = examined === candidates.length && candidates.length < SEARCHED_LETTERS_MAX && !isCut;
  // The next page begins behind the last letter that was looked at, or the last that found room.
  const last = isCut ? places.at(-1) : candidates[examined - 1];
  return { places, next: isAtEnd ? undefined : last, searched: examined };
}

async function cursorAt(transaction: Transaction, position: bigint): Promise<Cursor> {
  const cursor = await selectCursor(transaction, position);
  if (cursor) return cursor;
  throw new InvalidInputError("before", "before must be the `next` of an earlier page");
}

/** What one request may look at: each payload costs some microseconds, and a page should not take longer than 50 ms. */
const SEARCHED_LETTERS_MAX = 1_000;
const SEARCHED_BYTES_MAX = 16 * 1024 * 1024;
