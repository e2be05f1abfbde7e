/** What is known of one position: how it came, what became of it, and what people did about it. */
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
  /** Of a duplicate or a conflict: the position that came first. */
  originalPosition?: bigint;
  /** Of what is dead. */
  letter?: DeadLetter;
  /** Where it was sent again as a message of its own: where that is, and what became of it. */
  redrivenAs?: Readonly<{ position: bigint; outcome: OutcomeName }>;
  /** Oldest first. */
  actions: readonly OperatorAction[];
}>;

/** @returns undefined where there is no such position. */
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
  // Below the checkpoint there are exactly four outcomes; the audit proves that this is the one left.
  return { outcome: "projected" };
}
