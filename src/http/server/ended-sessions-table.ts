/** Sessions that ended before they expired. */
import { WAIT_FOR_DISK } from "../../database/durability.ts";
import type { Queryable } from "../../database/queryable.ts";

/**
 * Idempotent; also removes rows of expired sessions. The commit waits for the disk: otherwise a crash of the database
 * could make the session valid again.
 */
export async function insertEndedSession(
  database: Queryable,
  sessionId: string,
  expiresAt: Date,
): Promise<void> {
  await database.query(
    `with expired as (delete from ended_sessions where expires_at < now())
     insert into ended_sessions (session_id, expires_at) values ($1, $2) on conflict do nothing
     returning ${WAIT_FOR_DISK}`,
    [sessionId, expiresAt],
  );
}

export async function isSessionEnded(database: Queryable, sessionId: string): Promise<boolean> {
  const { rows } = await database.query<{ isEnded: boolean }>(
    `select exists (select from ended_sessions where session_id = $1) as "isEnded"`,
    [sessionId],
  );
  return rows[0]?.isEnded ?? false;
}
