/** Every append of a domain gets positions above all existing ones. */
import { NotReadyError } from "../database/wait.ts";

/**
 * The inbox's sequence is behind its rows, for instance after a restore of the data alone. A message below the
 * checkpoint would be acknowledged but never projected.
 */
export class PositionOrderError extends NotReadyError {}

/** @throws PositionOrderError if `next` is not above `head`. */
export function requireAboveHead(next: bigint, head: bigint): void {
  if (next > head) return;
  throw new PositionOrderError(
    `the inbox's next position is ${next}, but it already holds ${head}: run "npm run waybill -- migrate", which repairs its sequence`,
  );
}
