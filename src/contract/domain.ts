/**
 * The contract between the engine and a domain: one ordered batch and one open transaction in, one outcome per
 * position out. A domain sees its messages in position order, one batch at a time, and may read and write its own
 * tables in that transaction. The engine assumes nothing else: not that a projection is an insert, not that
 * messages are independent, not that there is a cache.
 */
import type { Transaction } from "../database/transaction.ts";
import type { InboxRow } from "./message.ts";
import type { Rejection } from "./rejection.ts";

export type { InboxRow };

export interface Domain {
  readonly name: string;
  /** The table whose unique `position` column holds what was projected; the audit joins it with the inbox. */
  readonly relation: string;
  /** Names of members whose values are about a person: operators see them masked until they ask. */
  readonly personalNames: readonly string[];
  /**
   * Projects a batch. The outcome of a position may depend on the inbox before it and on this code, and on
   * nothing else: not on the clock, the environment or chance. What cannot be projected is a `dead` outcome; an
   * exception means that this code did not expect the message, and makes the engine try each message alone.
   */
  project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projection>;
}

export type Projection = Readonly<{
  /** One for each row of the batch, in their order. */
  outcomes: readonly Outcome[];
  /** Called once the transaction has committed; the place to make the new state visible in memory. */
  onCommit?: () => void;
}>;

export type Outcome =
  | Readonly<{ kind: "projected" }>
  | Readonly<{ kind: "duplicate"; originalPosition: bigint }>
  | Readonly<{ kind: "dead"; rejection: Rejection }>;

export const PROJECTED: Outcome = Object.freeze({ kind: "projected" });
