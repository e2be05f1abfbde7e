/**
 * The model of the wallet. Double entry: a movement takes from one account what it adds to another, so the postings of
 * a position sum to 0 in each currency.
 */
import type { CommandType } from "./commands.ts";

/** `available` can be spent; `held` awaits a capture, a release or an expiry. */
export type AccountKind = "available" | "held";

export type AccountKey = Readonly<{ owner: string; currency: string; kind: AccountKind }>;

export type Account = AccountKey &
  Readonly<{
    /** In minor units; negative for system accounts only. */
    balance: bigint;
    /** Number of postings. */
    sequence: bigint;
    /** Position of the last posting. */
    position: bigint;
  }>;

/** A signed amount on one account. */
export type Posting = AccountKey &
  Readonly<{
    position: bigint;
    sequence: bigint;
    amount: bigint;
    balanceAfter: bigint;
    /** The command, or the expiry of a hold before it. */
    cause: "command" | "expiry";
    /** Id of the hold whose money moves. */
    hold: string | undefined;
  }>;

/** An amount that moves between two accounts. */
export type Movement = Readonly<{ from: AccountKey; to: AccountKey; amount: bigint }>;

export type HoldStatus = "open" | "captured" | "released" | "expired";

export type Hold = Readonly<{
  owner: string;
  /** Id of the command that opened it. */
  id: string;
  currency: string;
  amount: bigint;
  /** Amount still held. */
  remaining: bigint;
  status: HoldStatus;
  expiresAtMs: number;
  /** Positions that opened it and that changed it last. */
  openedPosition: bigint;
  position: bigint;
}>;

export type Currency = Readonly<{
  code: string;
  numericCode: number;
  /** Number of decimals. */
  exponent: number;
  enabled: boolean;
  /** Position of the last change. */
  position: bigint;
}>;

/** Why a command is declined. Final for the command's id. */
export const DECLINE_REASONS = [
  "insufficient_funds",
  "unknown_currency",
  "currency_disabled",
  "currency_fixed",
  "amount_precision",
  "hold_not_found",
  "hold_closed",
  "exceeds_hold",
  "transaction_not_found",
  "not_reversible",
  "already_reversed",
  "exceeds_original",
  "self_transfer",
  "overflow",
  "not_owner",
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

/** A decided command. */
export type Transaction = Readonly<{
  position: bigint;
  owner: string;
  id: string;
  type: CommandType;
  /** Reason of a decline. */
  reason: DeclineReason | undefined;
  /** Domain time: the latest receive time so far. */
  atMs: number;
  currency: string | undefined;
  /** In minor units; undefined if no money is involved or the amount was unreadable. */
  amount: bigint | undefined;
  /** The other user of a transfer. */
  counterparty: string | undefined;
  hold: string | undefined;
  /** For reversals: position of the original. */
  originalPosition: bigint | undefined;
  /** For reversals: amount of the original reversed so far, this one included. */
  reversedTotal: bigint | undefined;
  /** For declines: the available balance. */
  available: bigint | undefined;
}>;

export const accountText = ({ owner, currency, kind }: AccountKey): string => `${owner}/${currency}/${kind}`;

/** An id is unique per owner only. */
export const idText = (owner: string, id: string): string => `${owner} ${id}`;
