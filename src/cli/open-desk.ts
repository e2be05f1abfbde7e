/** Opens the desk of dead letters for one command. */
import { loadConfig } from "../config/config.ts";
import { Database } from "../database/database.ts";
import { Jobs } from "../database/jobs.ts";
import { Desk } from "../deadletter/desk.ts";
import { Transformer } from "../deadletter/transform/transformer.ts";
import { DOMAINS } from "../domains/index.ts";
import { Wakeups } from "../projector/wakeups.ts";
import { createLogger } from "../telemetry/logger.ts";

/** @param appends whether the command redrives, which needs the job queues. */
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
    // Only the service has pages to link to.
    viewOf: async () => undefined,
    traceUrl: config.traceUrl,
    jobs,
    transformer: new Transformer(config.payloadBytesMax, logger),
    enqueueWakeup: (...wakeup) => wakeups.enqueue(...wakeup),
    // The job wakes the projector in the service.
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

/** One each for the command, for pg-boss, and for reads beside a transaction. */
const CONNECTIONS = 3;
