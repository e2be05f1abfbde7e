/** What is known of one position: how it came, and what became of it. */
import type { Queryable } from "../database/pool.ts";
import { selectDeadLetter } from "../deadletter/dead-letters-table.ts";
import { type InboxEntry, selectEntry } from "../inbox/inbox-table.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";
import { selectDuplicate } from "./duplicates-table.ts";
import type { Problem } from "./rejection.ts";

export type Biography = Readonly<{
  entry: InboxEntry;
  outcome: "pending" | "projected" | "duplicate" | "dead";
  /** Of a duplicate or a conflict: the position that came first. */
  originalPosition?: bigint;
  code?: string;
  fingerprint?: string;
  errors?: readonly Problem[];
}>;

/** @returns undefined where there is no such position. */
export async function readBiography(database: Queryable, position: bigint): Promise<Biography | undefined> {
  const entry = await selectEntry(database, position);
  if (!entry) return undefined;
  const checkpoint = await selectCheckpoint(database, entry.domain);
  if (checkpoint.position < position) return { entry, outcome: "pending" };
  const letter = await selectDeadLetter(database, position);
  if (letter) {
    const { code, fingerprint, errors, originalPosition } = letter;
    const of = originalPosition === null ? {} : { originalPosition };
    return { entry, outcome: "dead", code, fingerprint, errors, ...of };
  }
  const duplicate = await selectDuplicate(database, position);
  if (duplicate) return { entry, outcome: "duplicate", originalPosition: duplicate.originalPosition };
  // Below the checkpoint there are exactly four outcomes; the audit proves that this is the one left.
  return { entry, outcome: "projected" };
}
