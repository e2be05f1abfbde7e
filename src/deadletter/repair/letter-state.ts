/** Checks a letter's state before an action. Errors name the operator who acted first. */
import { NotFoundError, WrongStateError } from "../../contract/errors.ts";
import type { Queryable } from "../../database/queryable.ts";
import { type DeadLetter, selectDeadLetter } from "../../projector/dead-letters-table.ts";
import { selectActions } from "../operator-actions-table.ts";

/** @throws NotFoundError */
export async function existingLetter(database: Queryable, position: bigint): Promise<DeadLetter> {
  const letter = await selectDeadLetter(database, position);
  if (!letter) throw new NotFoundError("there is no dead letter at this position");
  return letter;
}

/** @throws NotFoundError; WrongStateError if the letter is not open. */
export async function openLetter(database: Queryable, position: bigint): Promise<DeadLetter> {
  const letter = await existingLetter(database, position);
  if (letter.state !== "open") throw await wrongState(database, position);
  return letter;
}

export async function wrongState(database: Queryable, position: bigint): Promise<WrongStateError> {
  const letter = await selectDeadLetter(database, position);
  const last = (await selectActions(database, position)).findLast(({ action }) => action !== "reveal");
  const by = last ? `, by ${last.author ?? "an unnamed operator"} on ${last.actedAt.toISOString()}` : "";
  return new WrongStateError(`the dead letter at position ${position} is ${letter?.state ?? "gone"}${by}`);
}
