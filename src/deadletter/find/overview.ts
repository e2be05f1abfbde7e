/** What is wrong at the moment: dead letters by their cause, how many and since when, and the one that waits longest. */
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { State } from "../../projector/dead-letters-table.ts";
import { groupDocument } from "../show/documents.ts";
import {
  countByCode,
  type DeadLetterGroup,
  type HourCount,
  selectGroups,
  selectHours,
  selectTrend,
} from "./dead-letter-groups-table.ts";
import { selectPlaces } from "./dead-letter-pages-table.ts";

/** @param state to count by; all of them where it is undefined. */
export function readOverview(database: Database, state: State | undefined, limit: number, now: Date) {
  return database.transaction((transaction) => read(transaction, state, limit, now));
}

async function read(transaction: Transaction, state: State | undefined, limit: number, now: Date) {
  const since = new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS - (HOURS_SHOWN - 1) * HOUR_MS);
  const groups = await selectGroups(transaction, state, limit + 1);
  const codes = await countByCode(transaction);
  const trend = await selectTrend(transaction, since);
  const [oldest] = await selectPlaces(transaction, { state: "open" }, { order: "oldest first", limit: 1 });
  const shown = groups.slice(0, limit);
  const hours = await selectHours(
    transaction,
    shown.map(({ fingerprint }) => fingerprint),
    since,
  );
  const totals = { open: 0n, redriven: 0n, discarded: 0n };
  for (const { open, redriven, discarded } of codes) {
    totals.open += open;
    totals.redriven += redriven;
    totals.discarded += discarded;
  }
  const countOf = ({ open, redriven, discarded }: Omit<DeadLetterGroup, "errors"> | typeof totals) =>
    state ? { open, redriven, discarded }[state] : open + redriven + discarded;
  const total = countOf(totals);
  return {
    groups: shown.map((group) => {
      const own = hours.filter(({ fingerprint }) => fingerprint === group.fingerprint);
      return groupDocument(group, countOf(group), total, hoursFrom(since, HOURS_SHOWN, own));
    }),
    has_more: groups.length > limit,
    totals: {
      open: Number(totals.open),
      redriven: Number(totals.redriven),
      discarded: Number(totals.discarded),
    },
    oldest_open: oldest
      ? { position: String(oldest.position), received_at: new Date(oldest.receivedAt).toISOString() }
      : null,
    trend: { since: since.toISOString(), hours: hoursFrom(since, HOURS_SHOWN, trend) },
  };
}

/** How many in each of the hours that begin at `since`; hours without any are zero. */
function hoursFrom(since: Date, hours: number, counts: readonly Omit<HourCount, "fingerprint">[]): number[] {
  const filled = new Array<number>(hours).fill(0);
  for (const { hour, letters } of counts) {
    const index = Math.round((hour.getTime() - since.getTime()) / HOUR_MS);
    if (index >= 0 && index < hours) filled[index] = Number(letters);
  }
  return filled;
}

/** Two days: whether it began today, and whether it was the same at this time yesterday. */
const HOURS_SHOWN = 48;
const HOUR_MS = 3_600_000;
