/** The order of positions: every append of a domain gets positions above all that the domain has. */
import { NotReadyError } from "../database/wait.ts";

/**
 * The identity sequence of the inbox stands behind the inbox, for instance after a restore of the data alone. A message
 * below the checkpoint would be acknowledged and never projected, so the append fails as a whole.
 */
export class PositionOrderError extends NotReadyError {}

/** @param next the next position that the inbox would give. @throws PositionOrderError if it is not above `head`. */
export function requireAboveHead(next: bigint, head: bigint): void {
  if (next > head) return;
  throw new PositionOrderError(
    `the inbox would give position ${next}, but has come to ${head} already: run "npm run waybill -- migrate", which sets its sequence right`,
  );
}
