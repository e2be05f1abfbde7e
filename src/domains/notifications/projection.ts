/** Projects events: one row for each identity. */
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import { conflict, type Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction } from "../../database/transaction.ts";
import { arrivalOf } from "./arrival.ts";
import { type Change, isSameChange, parseChange, pathOfHeader } from "./change.ts";
import { insertChanges, type StoredChange, selectChanges, selectLastSequences } from "./changes-table.ts";

export class NotificationsProjection implements Projection<StoredChange> {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<StoredChange>> {
    const parsed = await mapInTurns(batch, parseChange);
    const changes = parsed.filter((one): one is Change => !("problems" in one));
    const ids = new Set(changes.map(({ messageId }) => messageId));
    const stored = await selectChanges(transaction, [...ids]);
    const known = new Map(stored.map((change) => [change.messageId, change]));
    const orders = new Set(changes.map(({ order }) => order));
    const lasts = await selectLastSequences(transaction, [...orders]);

    const added: StoredChange[] = [];
    const outcomes = batch.map(({ position }, index): Outcome => {
      const change = parsed[index] as Change | Rejection;
      if ("problems" in change) return { kind: "dead", rejection: change };
      const first = known.get(change.messageId);
      if (first) return compare(first, change, position);
      const { messageId, order, sequence } = change;
      const last = lasts.get(order) ?? 0;
      const one = { ...change, position, arrival: arrivalOf(sequence, last) };
      lasts.set(order, Math.max(last, sequence));
      known.set(messageId, one);
      added.push(one);
      return PROJECTED;
    });

    await insertChanges(transaction, added);
    return { outcomes, added };
  }
}

/** An equal event is a copy; another one with the same identity is a conflict. */
function compare(first: StoredChange, change: Change, position: bigint): Outcome {
  return isSameChange(first, change)
    ? { kind: "duplicate", originalPosition: first.position }
    : { kind: "dead", rejection: conflict(pathOfHeader("message-id"), first.position, position) };
}
