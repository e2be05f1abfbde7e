/** A position's history: origin, outcome, redrive and operator actions. */
import type { OutcomeName } from "../../contract/domain.ts";
import type { Queryable } from "../../database/queryable.ts";
import { type InboxEntry, selectEntry, selectRedriveOf } from "../../inbox/inbox-table.ts";
import { selectCheckpoint } from "../../projector/checkpoints-table.ts";
import { type DeadLetter, selectDeadLetter } from "../../projector/dead-letters-table.ts";
import { selectDuplicate } from "../../projector/duplicates-table.ts";
import { type OperatorAction, selectActions } from "../operator-actions-table.ts";

export type Biography = Readonly<{
  entry: InboxEntry;
  outcome: OutcomeName;
  /** For a duplicate or conflict: the first position. */
  originalPosition?: bigint;
  letter?: DeadLetter;
  /** The message that redrove it, and its outcome. */
  redrivenAs?: Readonly<{ position: bigint; outcome: OutcomeName }>;
  /** Oldest first. */
  actions: readonly OperatorAction[];
}>;

/** @returns undefined if there is no such position. */
export async function readBiography(database: Queryable, position: bigint): Promise<Biography | undefined> {
  const entry = await selectEntry(database, position);
  if (!entry) return undefined;
  const { domain, channel } = entry;
  const { outcome, letter, originalPosition } = await readOutcome(database, domain, position);
  const redrivePosition = letter && (await selectRedriveOf(database, position, channel));
  return {
    entry,
    outcome,
    actions: await selectActions(database, position),
    ...(letter ? { letter } : {}),
    ...(originalPosition ? { originalPosition } : {}),
    ...(redrivePosition
      ? {
          redrivenAs: {
            position: redrivePosition,
            outcome: (await readOutcome(database, domain, redrivePosition)).outcome,
          },
        }
      : {}),
  };
}

async function readOutcome(
  database: Queryable,
  domain: string,
  position: bigint,
): Promise<{ outcome: OutcomeName; letter?: DeadLetter; originalPosition?: bigint | null }> {
  const checkpoint = await selectCheckpoint(database, domain);
  if (checkpoint.position < position) return { outcome: "pending" };
  const letter = await selectDeadLetter(database, position);
  if (letter) return { outcome: "dead", letter, originalPosition: letter.originalPosition };
  const duplicate = await selectDuplicate(database, position);
  if (duplicate) return { outcome: "duplicate", originalPosition: duplicate.originalPosition };
  // The only remaining outcome, as the audit proves.
  return { outcome: "projected" };
}
