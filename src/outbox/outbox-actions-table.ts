/** The table `outbox_actions`: an append-only record of decisions on refused events. */
import { WAIT_FOR_DISK } from "../database/durability.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Place } from "./outbox-checkpoints-table.ts";

export type OutboxAction = Place &
  Readonly<{
    domain: string;
    action: "release" | "discard";
    refusal: string;
    author: string;
    /** Whether the author signed in with a token of this name. */
    isVerified: boolean;
    reason: string;
    actedAt: Date;
  }>;

export async function insertAction(
  transaction: Queryable,
  { domain, position, ordinal, action, refusal, author, isVerified, reason }: Omit<OutboxAction, "actedAt">,
): Promise<void> {
  await transaction.query(
    `insert into outbox_actions (domain, position, ordinal, action, refusal, author, reason, is_verified)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${WAIT_FOR_DISK}`,
    [domain, String(position), ordinal, action, refusal, author, reason, isVerified],
  );
}

/** Newest first. */
export async function selectOutboxActions(
  database: Queryable,
  domains: readonly string[],
  limit: number,
): Promise<OutboxAction[]> {
  const { rows } = await database.query<OutboxAction>(
    `select domain, position, ordinal, action, refusal, author, is_verified as "isVerified", reason,
            acted_at as "actedAt"
     from outbox_actions where domain = any($1::text[]) order by id desc limit $2`,
    [domains, limit],
  );
  return rows;
}
