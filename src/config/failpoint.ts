/**
 * Places where a test can kill the process to prove that nothing is lost there. Unless WAYBILL_FAILPOINT arms a place, a
 * pass costs one comparison.
 */
export type FailpointName =
  /** Rows and job are written, not committed. */
  | "append-before-commit"
  /** Rows and job are committed, not acknowledged. */
  | "commit-before-ack"
  /** A batch is projected, neither its writes nor its events are committed. */
  | "projection-before-commit"
  /** A batch is committed, not cached. */
  | "projection-before-cache"
  /** Dead letters are appended again, not committed. */
  | "redrive-before-commit"
  /** The broker stored a batch of events, the outbox does not know yet. */
  | "relay-before-checkpoint";

let armed: { name: string; passes: number } | undefined;

/** @param passes which pass kills, from 1. */
export function armFailpoint(name: string, passes: number): void {
  armed = { name, passes };
}

/** Kills the process by SIGKILL on the armed pass through the armed place. */
export function failpoint(name: FailpointName): void {
  if (armed === undefined || armed.name !== name) return;
  armed.passes -= 1;
  if (armed.passes === 0) process.kill(process.pid, "SIGKILL");
}

export const FAILPOINTS: readonly FailpointName[] = [
  "append-before-commit",
  "commit-before-ack",
  "projection-before-commit",
  "projection-before-cache",
  "redrive-before-commit",
  "relay-before-checkpoint",
];
