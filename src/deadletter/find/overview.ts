/** The overview: groups by cause, totals, hourly trend and the oldest open letter, from one snapshot. */
import type { Database } from "../../database/database.ts";
import type { Transaction } from "../../database/transaction.ts";
import { STATES } from "../../projector/dead-letters-table.ts";
import type { KnownPaths } from "../../projector/fingerprint.ts";
import type { Mask } from "../show/mask.ts";
import {
  countByCode,
  type GroupFilter,
  type HourCount,
  selectGroups,
  selectHours,
  selectTrend,
} from "./dead-letter-groups-table.ts";
import { selectPlaces } from "./dead-letter-pages-table.ts";
import { groupDocument, type OverviewDocument } from "./documents.ts";

/** @param knownOf paths in a domain's schema. @param maskOf its mask. */
export function readOverview(
  database: Database,
  filter: GroupFilter,
  limit: number,
  now: Date,
  knownOf: (domain: string) => KnownPaths,
  maskOf: (domain: string) => Mask,
): Promise<OverviewDocument> {
  return database.transaction((transaction) => read(transaction, filter, limit, now, knownOf, maskOf));
}

async function read(
  transaction: Transaction,
  filter: GroupFilter,
  limit: number,
  now: Date,
  knownOf: (domain: string) => KnownPaths,
  maskOf: (domain: string) => Mask,
): Promise<OverviewDocument> {
  const { domain, state } = filter;
  const since = new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS - (HOURS_SHOWN - 1) * HOUR_MS);
  const groups = await selectGroups(transaction, filter, limit + 1);
  const codes = await countByCode(transaction, domain);
  const trend = await selectTrend(transaction, domain, since);
  const open = { state: "open", ...(domain === undefined ? {} : { domain }) } as const;
  const [oldest] = await selectPlaces(transaction, open, { order: "oldest first", limit: 1 });
  const shown = groups.slice(0, limit);
  const hours = Map.groupBy(await selectHours(transaction, shown, since), keyOf);
  const totals = { open: 0n, redriven: 0n, discarded: 0n };
  for (const counts of codes) for (const name of STATES) totals[name] += counts[name];
  const countOf = (counts: typeof totals) =>
    state ? counts[state] : counts.open + counts.redriven + counts.discarded;
  const total = countOf(totals);
  return {
    groups: shown.map((group) => {
      const groupHours = hoursFrom(since, hours.get(keyOf(group)) ?? []);
      const { domain: of } = group;
      return groupDocument(group, countOf(group), total, groupHours, knownOf(of), maskOf(of));
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
    trend: { since: since.toISOString(), hours: hoursFrom(since, trend) },
  };
}

/** Fingerprints are unique within a domain only. */
function keyOf({ domain, fingerprint }: Readonly<{ domain: string; fingerprint: string }>): string {
  return `${domain} ${fingerprint}`;
}

function hoursFrom(since: Date, counts: readonly HourCount[]): number[] {
  const filled = new Array<number>(HOURS_SHOWN).fill(0);
  for (const { hour, letters } of counts) {
    const index = Math.round((hour.getTime() - since.getTime()) / HOUR_MS);
    if (index >= 0 && index < HOURS_SHOWN) filled[index] = Number(letters);
  }
  return filled;
}

/** Two days, so that today can be compared with yesterday. */
const HOURS_SHOWN = 48;
const HOUR_MS = 3_600_000;
