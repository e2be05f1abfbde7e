/**
 * Keeps alerts until the webhook knows them. The table is shared by all processes and survives crashes; the memory holds
 * what must be told while the database is unavailable.
 */
import { randomUUID } from "node:crypto";
import type { Queryable } from "../database/queryable.ts";
import { type Alert, type AlertKind, keyOf } from "./alert.ts";
import {
  type Claimed,
  claimAlert,
  countDueAlerts,
  deleteOldAlerts,
  endUnseenAlerts,
  postponeAlert,
  settleAlert,
  upsertAlerts,
} from "./notify-alerts-table.ts";

export interface Ledger {
  /** The alerts that fire in this process; the others end, except those of a young kind. */
  report(firing: readonly Alert[], young: readonly AlertKind[]): Promise<void>;
  /** The next alert to tell, or undefined. */
  claim(): Promise<Claimed | undefined>;
  /** Delivered, or given up. */
  settle(claimed: Claimed): Promise<void>;
  postpone(claimed: Claimed, seconds: number): Promise<void>;
  countDue(): Promise<number>;
}

export class TableLedger implements Ledger {
  readonly #database: Queryable;
  readonly #unseenSeconds: number;
  readonly #leaseSeconds: number;
  readonly #repeatSeconds: number | null;

  constructor(
    database: Queryable,
    times: Readonly<{ unseenSeconds: number; leaseSeconds: number; repeatSeconds: number | null }>,
  ) {
    this.#database = database;
    this.#unseenSeconds = times.unseenSeconds;
    this.#leaseSeconds = times.leaseSeconds;
    this.#repeatSeconds = times.repeatSeconds;
  }

  async report(firing: readonly Alert[], young: readonly AlertKind[]): Promise<void> {
    if (firing.length > 0) await upsertAlerts(this.#database, firing);
    await endUnseenAlerts(this.#database, this.#unseenSeconds, young);
    await deleteOldAlerts(this.#database, KEPT_DAYS);
  }

  claim(): Promise<Claimed | undefined> {
    return claimAlert(this.#database, this.#leaseSeconds, this.#repeatSeconds);
  }

  settle({ id, endedAt }: Claimed): Promise<void> {
    return settleAlert(this.#database, id, endedAt === null ? "firing" : "resolved");
  }

  postpone({ id }: Claimed, seconds: number): Promise<void> {
    return postponeAlert(this.#database, id, seconds);
  }

  countDue(): Promise<number> {
    return countDueAlerts(this.#database);
  }
}

type Entry = { claimed: Claimed; settled: "firing" | "resolved" | undefined; nextAttemptAtMs: number };

export class MemoryLedger implements Ledger {
  readonly #entries = new Map<string, Entry>();

  async report(firing: readonly Alert[]): Promise<void> {
    const keys = new Set(firing.map(keyOf));
    for (const alert of firing) {
      const key = keyOf(alert);
      if (this.#entries.get(key)?.claimed.endedAt === null) continue;
      const claimed = { id: randomUUID(), alert, startedAt: new Date(), endedAt: null, attempts: 0 };
      this.#entries.set(key, { claimed, settled: undefined, nextAttemptAtMs: 0 });
    }
    for (const [key, entry] of this.#entries) {
      if (keys.has(key)) continue;
      if (entry.settled === "resolved") this.#entries.delete(key);
      else if (entry.claimed.endedAt === null) {
        entry.claimed = { ...entry.claimed, endedAt: new Date(), attempts: 0 };
      }
    }
  }

  async claim(): Promise<Claimed | undefined> {
    const entry = this.#due().find(({ nextAttemptAtMs }) => nextAttemptAtMs <= performance.now());
    if (!entry) return undefined;
    entry.claimed = { ...entry.claimed, attempts: entry.claimed.attempts + 1 };
    return entry.claimed;
  }

  async settle({ id, endedAt }: Claimed): Promise<void> {
    const entry = this.#entryOf(id);
    if (entry) entry.settled = endedAt === null ? "firing" : "resolved";
  }

  async postpone({ id }: Claimed, seconds: number): Promise<void> {
    const entry = this.#entryOf(id);
    if (entry) entry.nextAttemptAtMs = performance.now() + seconds * 1000;
  }

  async countDue(): Promise<number> {
    return this.#due().length;
  }

  #due(): Entry[] {
    return [...this.#entries.values()].filter(
      ({ claimed, settled }) => settled !== (claimed.endedAt === null ? "firing" : "resolved"),
    );
  }

  #entryOf(id: string): Entry | undefined {
    return [...this.#entries.values()].find(({ claimed }) => claimed.id === id);
  }
}

/** Bounds the table. */
const KEPT_DAYS = 7;
