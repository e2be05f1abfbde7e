/**
 * Places at which the process can be made to die, so that what must not be lost there can be proved not to be. Nothing
 * is armed unless the environment says so, and then every pass through a place costs one comparison.
 */
export type FailpointName =
  /** The rows and their job are written and not committed. */
  | "append-before-commit"
  /** They are committed, and nothing is acknowledged yet. */
  | "commit-before-ack"
  /** A batch is projected, and neither its writes nor its events are committed. */
  | "projection-before-commit"
  /** A batch is projected and committed, and not in the cache yet. */
  | "projection-before-cache"
  /** Some letters are moved and appended again, and not committed. */
  | "redrive-before-commit"
  /** The broker has stored a batch of events, and the outbox does not know it yet. */
  | "relay-before-checkpoint";

let armed: { name: string; passes: number } | undefined;

/** @param passes how often the place is passed before it kills: 1 for the first time. */
export function armFailpoint(name: string, passes: number): void {
  armed = { name, passes };
}

/** Dies here, as by kill -9, where this place is armed and its time has come. */
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
