/**
 * The words of the wallet. Money moves between accounts and is never made: a movement takes from one account what it adds
 * to another, so the postings of a position sum to 0 in each currency (double entry).
 */
import type { CommandType } from "./commands.ts";

/** `available` can be spent; `held` waits for a capture, a release or its expiry. */
export type AccountKind = "available" | "held";

export type AccountKey = Readonly<{ owner: string; currency: string; kind: AccountKind }>;

export type Account = AccountKey &
  Readonly<{
    /** In minor units. Below 0 for the system's own accounts alone. */
    balance: bigint;
    /** How many postings it has. */
    sequence: bigint;
    /** Of the last posting. */
    position: bigint;
  }>;

/** A signed amount on one account. */
export type Posting = AccountKey &
  Readonly<{
    position: bigint;
    sequence: bigint;
    amount: bigint;
    balanceAfter: bigint;
    /** The command of the position, or the expiry of a hold before it. */
    cause: "command" | "expiry";
    /** Of the hold whose money moves. */
    hold: string | undefined;
  }>;

/** An amount that goes from one account to another. */
export type Movement = Readonly<{ from: AccountKey; to: AccountKey; amount: bigint }>;

export type HoldStatus = "open" | "captured" | "released" | "expired";

export type Hold = Readonly<{
  owner: string;
  /** Of the command that made it. */
  id: string;
  currency: string;
  amount: bigint;
  /** What is still held. */
  remaining: bigint;
  status: HoldStatus;
  expiresAtMs: number;
  /** The position that made it, and the one that changed it last. */
  openedPosition: bigint;
  position: bigint;
}>;

export type Currency = Readonly<{
  code: string;
  numericCode: number;
  /** How many decimals an amount has. */
  exponent: number;
  enabled: boolean;
  /** The position that changed it last. */
  position: bigint;
}>;

/** Why a rule says no. It is final for the id of the command. */
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

/** What a position did: one command that was decided. */
export type Transaction = Readonly<{
  position: bigint;
  owner: string;
  id: string;
  type: CommandType;
  /** undefined if it succeeded. */
  reason: DeclineReason | undefined;
  /** Domain time: the greatest time of receipt so far. */
  atMs: number;
  currency: string | undefined;
  /** In minor units; undefined if it moves nothing or could not be read. */
  amount: bigint | undefined;
  /** The other user of a transfer. */
  counterparty: string | undefined;
  hold: string | undefined;
  /** Of a reversal: the position that it reverses. */
  originalPosition: bigint | undefined;
  /** Of a reversal: all that is reversed of the original by now. */
  reversedTotal: bigint | undefined;
  /** Of a decline: what was available then. */
  available: bigint | undefined;
}>;

export const accountText = ({ owner, currency, kind }: AccountKey): string => `${owner}/${currency}/${kind}`;

/** An id is unique for its owner only. */
export const idText = (owner: string, id: string): string => `${owner} ${id}`;
