/** The desk of dead letters for one command of a shell: opened, used and closed again. */
import { loadConfig } from "../config/config.ts";
import { Database } from "../database/database.ts";
import { Jobs } from "../database/jobs.ts";
import { Desk } from "../deadletter/desk.ts";
import { DOMAINS } from "../domains/index.ts";
import { Wakeups } from "../projector/wakeups.ts";
import { createLogger } from "../telemetry/logger.ts";

/** @param use.appends whether letters may be redriven, which needs the queues. */
export async function withDesk<T>(
  use: (desk: Desk) => Promise<T>,
  { appends = false }: Readonly<{ appends?: boolean }> = {},
): Promise<T> {
  const config = loadConfig(DOMAINS);
  const logger = createLogger("silent");
  const database = new Database(config.databaseUrl, { connectionsMax: CONNECTIONS, logger });
  const jobs = new Jobs(database, logger);
  const wakeups = new Wakeups(jobs);
  const desk = new Desk({
    database,
    reads: database,
    domains: DOMAINS,
    running: config.domains.map(({ name }) => name),
    // A domain's pages stand in the service.
    viewOf: async () => undefined,
    jobs,
    enqueueWakeup: (...wakeup) => wakeups.enqueue(...wakeup),
    // The projector is in the service; the job wakes it.
    onAppended: () => {},
  });
  try {
    if (appends) await jobs.start();
    return await use(desk);
  } finally {
    await jobs.stop();
    await database.close();
  }
}

/** One for the command, one for pg-boss, and one for reading within a transaction. */
const CONNECTIONS = 3;
