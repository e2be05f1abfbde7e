/** Lets one `migrate` of a database run at a time. A transaction holds the lock, so it works through poolers. */
import { setTimeout as delay } from "node:timers/promises";
import type { Database, OpenTransaction } from "./database.ts";

/**
 * @param say receives each holder that this waits for.
 * @throws Error with the holder's name after `waitMaxMs`; DatabaseError.
 */
export async function lockMigrations(
  database: Database,
  say: (text: string) => void,
  waitMaxMs = WAIT_MAX_MS,
): Promise<OpenTransaction> {
  const deadline = performance.now() + waitMaxMs;
  let said: string | undefined;
  for (;;) {
    // An open transaction of each waiting process would use up the pooler's connections.
    const holder = await selectHolder(database);
    const lock = holder === undefined ? await tryLock(database) : undefined;
    if (lock) return lock;
    if (holder !== undefined && holder !== said) say(`waiting for another migrate: ${holder}`);
    said = holder ?? said;
    if (performance.now() > deadline) {
      throw new Error(
        `another migrate has held its lock for ${waitMaxMs / 60_000} minutes: ${said}; if it hangs, end its connection`,
      );
    }
    await delay(LOOK_AGAIN_MS);
  }
}

async function tryLock(database: Database): Promise<OpenTransaction | undefined> {
  const held = await database.hold();
  try {
    const { rows } = await held.query<{ isLocked: boolean }>(
      'select pg_try_advisory_xact_lock($1) as "isLocked"',
      [String(MIGRATION_LOCK)],
    );
    if (rows[0]?.isLocked) return held;
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
  await held[Symbol.asyncDispose]();
  return undefined;
}

/** PostgreSQL hides the name and times of other roles' processes. */
async function selectHolder(database: Database): Promise<string | undefined> {
  const { rows } = await database.query<{ holder: string }>(
    `select format('process %s of PostgreSQL%s%s', pid, ', "' || nullif(application_name, '') || '"',
                   ', connected since ' || to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS OF')) as holder
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and objsubid = 1
       and pg_locks.database = (select oid from pg_database where datname = current_database())
       and ((classid::bigint << 32) | objid::bigint) = $1`,
    [String(MIGRATION_LOCK)],
  );
  return rows[0]?.holder;
}

/** "waybill" in ASCII. */
const MIGRATION_LOCK = 0x77617962696c6cn;

/** Much longer than any migration takes. */
const WAIT_MAX_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 200;
