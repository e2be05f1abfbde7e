/**
 * Double entry: a movement takes from one account what it adds to another, so postings of a position sum to 0 per
 * currency.
 */
import type { CommandType } from "./commands.ts";

/** `held` awaits a capture, a release or an expiry. */
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

export type Posting = AccountKey &
  Readonly<{
    position: bigint;
    sequence: bigint;
    amount: bigint;
    balanceAfter: bigint;
    /** `expiry`: of a hold, before the command. */
    cause: "command" | "expiry";
    hold: string | undefined;
  }>;

export type Movement = Readonly<{ from: AccountKey; to: AccountKey; amount: bigint }>;

export type HoldStatus = "open" | "captured" | "released" | "expired";

export type Hold = Readonly<{
  owner: string;
  /** Id of the opening command. */
  id: string;
  currency: string;
  amount: bigint;
  remaining: bigint;
  status: HoldStatus;
  expiresAtMs: number;
  /** Positions of the first and last change. */
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

/** Final for the command's id. */
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

export type Transaction = Readonly<{
  position: bigint;
  owner: string;
  id: string;
  type: CommandType;
  /** For declines. */
  reason: DeclineReason | undefined;
  /** Domain time: the latest receive time so far. */
  atMs: number;
  currency: string | undefined;
  /** In minor units; undefined without money or if unreadable. */
  amount: bigint | undefined;
  /** For transfers. */
  counterparty: string | undefined;
  hold: string | undefined;
  /** For reversals: position of the original. */
  originalPosition: bigint | undefined;
  /** For reversals: sum so far. */
  reversedTotal: bigint | undefined;
  /** For declines: the available balance. */
  available: bigint | undefined;
}>;

export const accountText = ({ owner, currency, kind }: AccountKey): string => `${owner}/${currency}/${kind}`;

/** Ids are unique per owner only. */
export const idText = (owner: string, id: string): string => `${owner} ${id}`;
