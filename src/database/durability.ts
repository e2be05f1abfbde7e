/**
 * Makes commits durable, so that acknowledgements can rely on them: servers, databases and roles can be configured to
 * lose commits in a crash.
 */
import type { Logger } from "../telemetry/logger.ts";
import type { Queryable } from "./queryable.ts";

/** Makes the current transaction's commit wait for the disk. Every value but `off` waits already and stays. */
export const WAIT_FOR_DISK =
  "case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', true) end";

/** @throws DatabaseError */
export async function warnOfDurabilityRisks(database: Queryable, logger: Logger): Promise<void> {
  for (const risk of await selectDurabilityRisks(database)) {
    logger.warn({ risk }, "PostgreSQL may lose committed messages");
  }
}

async function selectDurabilityRisks(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ name: string; setting: string }>(
    "select name, setting from pg_settings where name = any($1::text[])",
    [Object.keys(RISKS)],
  );
  return rows.flatMap(({ name, setting }) => {
    const risk = RISKS[name];
    return risk && risk.setting === setting ? [`${name} is ${setting}: ${risk.consequence}`] : [];
  });
}

/** Source: PostgreSQL manual, "Write Ahead Log" and "Developer Options". */
const RISKS: Readonly<Record<string, { setting: string; consequence: string }>> = {
  fsync: { setting: "off", consequence: "a crash of the machine can lose or damage acknowledged messages" },
  full_page_writes: { setting: "off", consequence: "a crash of the machine can damage stored messages" },
  zero_damaged_pages: {
    setting: "on",
    consequence: "PostgreSQL empties damaged pages and continues without them",
  },
};
