/**
 * Folds one command into the state: advance the time, cancel unpaid orders that are due, decide, apply the decision. Dead
 * letters and duplicates are not folded, so they move neither stock nor time.
 */
import { type Command, nameOf } from "./commands.ts";
import type { Decided, OrderChange } from "./model.ts";
import { decide, expire } from "./rules.ts";
import type { LomsState } from "./state.ts";

export type Folded = Readonly<{
  decided: Decided;
  /** Expired orders first. */
  changes: readonly OrderChange[];
  /** The number of expired orders. */
  expired: number;
}>;

export type Received = Readonly<{ position: bigint; receivedAtMs: number; command: Command }>;

export function fold(state: LomsState, { position, receivedAtMs, command }: Received): Folded {
  state.nowMs = Math.max(state.nowMs, receivedAtMs);
  const due = state.dueOrders();
  const expired = due.map((order) => state.evolve(expire(order), position) as OrderChange);
  const { reason, order, facts } = decide(state, command);
  const changes = facts.flatMap((fact) => state.evolve(fact, position) ?? []);
  const decided = { position, id: nameOf(command), type: command.type, reason, order, atMs: state.nowMs };
  state.putCommand(decided);
  return { decided, changes: [...expired, ...changes], expired: expired.length };
}
