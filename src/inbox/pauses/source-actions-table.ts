/** The table `source_actions`: an append-only record of pauses and resumptions. */
import { WAIT_FOR_DISK } from "../../database/durability.ts";
import type { Queryable } from "../../database/queryable.ts";

export type SourceAction = Readonly<{
  action: "pause" | "resume";
  domain: string;
  source: string;
  author: string;
  /** Whether the author signed in with a token of this name. */
  isVerified: boolean;
  reason: string;
  actedAt: Date;
}>;

export async function insertSourceAction(
  transaction: Queryable,
  { action, domain, source, author, isVerified, reason }: Omit<SourceAction, "actedAt">,
): Promise<void> {
  await transaction.query(
    `insert into source_actions (action, domain, source, author, reason, is_verified)
     values ($1, $2, $3, $4, $5, $6) returning ${WAIT_FOR_DISK}`,
    [action, domain, source, author, reason, isVerified],
  );
}

/** Newest first. */
export async function selectSourceActions(
  database: Queryable,
  domains: readonly string[],
  limit: number,
): Promise<SourceAction[]> {
  const { rows } = await database.query<SourceAction>(
    `select action, domain, source, author, is_verified as "isVerified", reason, acted_at as "actedAt"
     from source_actions where domain = any($1::text[]) order by id desc limit $2`,
    [domains, limit],
  );
  return rows;
}
