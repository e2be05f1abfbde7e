/** Discards a dead letter, or restores it. Only the state changes; nothing is deleted. */
import type { Database } from "../../database/database.ts";
import { moveDeadLetters, type State } from "../../projector/dead-letters-table.ts";
import { insertDecisions, type Operator } from "../operator-actions-table.ts";
import { existingLetter, wrongState } from "./letter-state.ts";

/** @throws NotFoundError; WrongStateError if the letter is not open. */
export function discardLetter(database: Database, position: bigint, operator: Operator): Promise<void> {
  return decide(database, position, "discard", "open", "discarded", operator);
}

/** @throws NotFoundError; WrongStateError if the letter is not discarded. */
export function restoreLetter(database: Database, position: bigint, operator: Operator): Promise<void> {
  return decide(database, position, "restore", "discarded", "open", operator);
}

export type Decision = "discard" | "restore";

async function decide(
  database: Database,
  position: bigint,
  action: Decision,
  from: State,
  to: State,
  operator: Operator,
): Promise<void> {
  await database.transaction(async (transaction) => {
    await existingLetter(transaction, position);
    const [moved] = await moveDeadLetters(transaction, [position], from, to);
    if (!moved) throw await wrongState(transaction, position);
    await insertDecisions(transaction, action, [moved], to, operator);
  });
}
