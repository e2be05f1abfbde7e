/** Sessions of signed-in operators: `sessions`. */
import { WAIT_FOR_DISK } from "../../database/durability.ts";
import type { Queryable } from "../../database/queryable.ts";

export type SessionRow = Readonly<{ id: Buffer; name: string | null; tokenMac: Buffer }>;

/** Also removes expired sessions. */
export async function insertSession(
  database: Queryable,
  { id, name, tokenMac }: SessionRow,
  seconds: number,
): Promise<void> {
  await database.query(
    `with expired as (delete from sessions where expires_at < now())
     insert into sessions (id, name, token_mac, expires_at) values ($1, $2, $3, now() + make_interval(secs => $4))`,
    [id, name, tokenMac, seconds],
  );
}

export async function selectSessions(database: Queryable, ids: readonly Buffer[]): Promise<SessionRow[]> {
  const { rows } = await database.query<SessionRow>(
    `select id, name, token_mac as "tokenMac" from sessions where id = any($1::bytea[]) and expires_at > now()`,
    [ids],
  );
  return rows;
}

/** The commit waits for the disk: otherwise a crash of the database could make the sessions valid again. */
export async function deleteSessions(database: Queryable, ids: readonly Buffer[]): Promise<void> {
  await database.query(`delete from sessions where id = any($1::bytea[]) returning ${WAIT_FOR_DISK}`, [ids]);
}
