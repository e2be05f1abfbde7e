/**
 * The `operator_actions` table: an append-only record of who did what, when and why. It cannot be rebuilt, so commits
 * wait for the disk.
 */
import { WAIT_FOR_DISK } from "../database/durability.ts";
import type { Queryable } from "../database/queryable.ts";
import type { State } from "../projector/dead-letters-table.ts";

export type Operator = Readonly<{
  author?: string | undefined;
  reason?: string | undefined;
  /** Whether the author signed in with a token of this name. */
  isVerified?: boolean | undefined;
}>;

/** An operator whose action needs both. */
export type Decider = Operator & Readonly<{ author: string; reason: string }>;

export type OperatorAction = Readonly<{
  action: "redrive" | "discard" | "restore" | "reveal";
  position: bigint;
  bulkId: bigint | null;
  decisionId: bigint | null;
  redrivePosition: bigint | null;
  isEdited: boolean;
  author: string | null;
  isVerified: boolean;
  reason: string | null;
  actedAt: Date;
}>;

export type LetterOfGroup = Readonly<{ position: bigint; domain: string; fingerprint: string }>;

export async function insertRedrives(
  transaction: Queryable,
  redrives: readonly (LetterOfGroup & Readonly<{ redrivePosition: bigint }>)[],
  { author, reason, isVerified = false }: Operator,
  { isEdited, bulkId }: Readonly<{ isEdited: boolean; bulkId?: bigint | undefined }>,
): Promise<void> {
  await transaction.query(
    `insert into operator_actions
       (action, position, domain, fingerprint, state, redrive_position, is_edited, bulk_id, author, reason, is_verified)
     select 'redrive', position, domain, fingerprint, 'redriven', redrive_position, $5, $6, $7, $8, $9
     from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
       as redriven (position, domain, fingerprint, redrive_position)
     returning ${WAIT_FOR_DISK}`,
    [
      redrives.map(({ position }) => String(position)),
      redrives.map(({ domain }) => domain),
      redrives.map(({ fingerprint }) => fingerprint),
      redrives.map(({ redrivePosition }) => String(redrivePosition)),
      isEdited,
      bulkId?.toString() ?? null,
      author ?? null,
      reason ?? null,
      isVerified,
    ],
  );
}

export async function insertDecisions(
  transaction: Queryable,
  action: "discard" | "restore",
  letters: readonly LetterOfGroup[],
  state: State,
  { author, reason, isVerified = false }: Operator,
  decisionId?: bigint,
): Promise<void> {
  await transaction.query(
    `insert into operator_actions
       (action, position, domain, fingerprint, state, decision_id, author, reason, is_verified)
     select $1, position, domain, fingerprint, $2, $3, $4, $5, $6
     from unnest($7::bigint[], $8::text[], $9::text[]) as decided (position, domain, fingerprint)
     returning ${WAIT_FOR_DISK}`,
    [
      action,
      state,
      decisionId?.toString() ?? null,
      author ?? null,
      reason ?? null,
      isVerified,
      letters.map(({ position }) => String(position)),
      letters.map(({ domain }) => domain),
      letters.map(({ fingerprint }) => fingerprint),
    ],
  );
}

export async function insertReveals(
  database: Queryable,
  positions: readonly bigint[],
  { author, reason, isVerified = false }: Operator,
): Promise<void> {
  await database.query(
    `insert into operator_actions (action, position, author, reason, is_verified)
     select 'reveal', position, $2, $3, $4 from unnest($1::bigint[]) as position
     returning ${WAIT_FOR_DISK}`,
    [positions.map(String), author ?? null, reason ?? null, isVerified],
  );
}

export async function insertBulkAction(
  transaction: Queryable,
  action: "bulk_redrive" | "cancel_bulk_redrive",
  bulkId: bigint,
  { author, reason, isVerified = false }: Operator,
): Promise<void> {
  await transaction.query(
    `insert into operator_actions (action, bulk_id, author, reason, is_verified) values ($1, $2, $3, $4, $5)
     returning ${WAIT_FOR_DISK}`,
    [action, String(bulkId), author ?? null, reason ?? null, isVerified],
  );
}

export async function insertBulkDecisionAction(
  transaction: Queryable,
  action: "bulk_discard" | "bulk_restore" | "cancel_bulk_decision",
  decisionId: bigint,
  { author, reason, isVerified = false }: Operator,
): Promise<void> {
  await transaction.query(
    `insert into operator_actions (action, decision_id, author, reason, is_verified) values ($1, $2, $3, $4, $5)
     returning ${WAIT_FOR_DISK}`,
    [action, String(decisionId), author ?? null, reason ?? null, isVerified],
  );
}

/** Oldest first. */
export async function selectActions(database: Queryable, position: bigint): Promise<OperatorAction[]> {
  const { rows } = await database.query<OperatorAction>(
    `select action, position, bulk_id as "bulkId", decision_id as "decisionId", redrive_position as "redrivePosition",
            is_edited as "isEdited", author, is_verified as "isVerified", reason, acted_at as "actedAt"
     from operator_actions where position = $1 order by id limit ${ACTIONS_MAX}`,
    [String(position)],
  );
  return rows;
}

/** Bounds the page of an often revealed letter. */
const ACTIONS_MAX = 500;
