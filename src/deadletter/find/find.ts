/** Finds dead letters: a filter enters; a page of letters and the next cursor leave. */

import { InvalidInputError, NotFoundError } from "../../contract/errors.ts";
import type { Transaction } from "../../database/transaction.ts";
import {
  type Cursor,
  countPlaces,
  type ListedLetter,
  type PageOptions,
  selectCursor,
  selectHolding,
  selectListed,
  selectPlaces,
  selectRank,
} from "./dead-letter-pages-table.ts";
import type { DeadLetterFilter } from "./filter.ts";

export type DeadLetterPage = Readonly<{
  letters: readonly ListedLetter[];
  /** `before` of the next page; undefined on the last. */
  next: bigint | undefined;
  /** For a payload search: letters examined. */
  searched: number | undefined;
  /** Unknown for a payload search, which is bounded. */
  total: Total | undefined;
}>;

/** The number of matching letters; a lower bound if it is not exact. */
export type Total = Readonly<{ letters: bigint; isExact: boolean }>;

/**
 * Newest first.
 * @param before `next` of the previous page.
 * @throws InvalidInputError if `before` is not a dead letter.
 */
export async function findDeadLetters(
  transaction: Transaction,
  filter: DeadLetterFilter,
  limit: number,
  before: bigint | undefined,
): Promise<DeadLetterPage> {
  const after = before === undefined ? undefined : await cursorAt(transaction, before);
  const { places, next, searched } = await findPlaces(transaction, filter, {
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
    total: filter.q === undefined ? await countPlaces(transaction, filter, COUNTED_MAX) : undefined,
  };
}

/** Oldest first. */
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
    const page: Places = await findPlaces(transaction, filter, {
      ...(after ? { after } : {}),
      order: "oldest first",
      limit: limit - positions.length,
    });
    for (const { position } of page.places) positions.push(position);
    after = page.next;
  } while (after && positions.length < limit);
  return positions;
}

export type Neighbours = Readonly<{
  /** The next newer letter; undefined if there is none, or a payload search found none. */
  previous: bigint | undefined;
  /** The next older letter. */
  next: bigint | undefined;
  /** The letter's place in the list, from 1; undefined if it is not counted, or the letter does not match. */
  index: number | undefined;
  total: Total | undefined;
}>;

/** Around a letter, in the order of `findDeadLetters`. @throws NotFoundError */
export async function findNeighbours(
  transaction: Transaction,
  filter: DeadLetterFilter,
  position: bigint,
): Promise<Neighbours> {
  const after = await selectCursor(transaction, position);
  if (!after) throw new NotFoundError("there is no dead letter at this position");
  const nearest = async (order: PageOptions["order"]) => {
    const { places } = await findPlaces(transaction, filter, { after, order, limit: 1 });
    return places[0]?.position;
  };
  const previous = await nearest("oldest first");
  const next = await nearest("newest first");
  if (filter.q !== undefined) return { previous, next, index: undefined, total: undefined };
  const total = await countPlaces(transaction, filter, COUNTED_MAX);
  const { isListed, newer } = await selectRank(transaction, filter, after, COUNTED_MAX);
  return {
    previous,
    next,
    index: isListed && newer < COUNTED_MAX ? newer + 1 : undefined,
    total,
  };
}

type Places = { places: Cursor[]; next: Cursor | undefined; searched: number | undefined };

/** One page, without the letters. */
export async function findPlaces(
  transaction: Transaction,
  filter: DeadLetterFilter,
  options: PageOptions,
): Promise<Places> {
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
  // The next page starts after the last letter examined or, if the page is full, after the last one on it.
  const last = isCut ? places.at(-1) : candidates[examined - 1];
  return { places, next: isAtEnd ? undefined : last, searched: examined };
}

async function cursorAt(transaction: Transaction, position: bigint): Promise<Cursor> {
  const cursor = await selectCursor(transaction, position);
  if (cursor) return cursor;
  throw new InvalidInputError("before", "before must be the `next` of an earlier page");
}

/** Bounds of one search: a payload costs microseconds, and a page should take at most 50 ms. */
const SEARCHED_LETTERS_MAX = 1_000;
const SEARCHED_BYTES_MAX = 16 * 1024 * 1024;

/** An operator needs no exact number above it; counting this many takes milliseconds. */
const COUNTED_MAX = 10_000;
