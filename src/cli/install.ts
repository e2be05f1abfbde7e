/** Brings a database to everything that this version needs: its tables, and the queues of all its jobs. */
import { type MigratedDomain, migrate } from "../database/migrate.ts";
import { BULK_REDRIVE_QUEUE } from "../deadletter/repair/bulk-runner.ts";
import { wakeupQueues } from "../projector/wakeups.ts";

/**
 * Safe to run twenty at once.
 * @param ownerUrl the connection of the owner role.
 * @param serviceUrl the service's connection, whose user gets the privileges.
 * @param domains those of the process; the tables of others stay as they are.
 * @param say is told what this waits for.
 * @returns the names of the migrations that were applied now.
 */
export function install(
  ownerUrl: string,
  serviceUrl: string,
  domains: readonly MigratedDomain[],
  say: (text: string) => void = () => {},
): Promise<string[]> {
  const queues = [...wakeupQueues(domains.map(({ name }) => name)), BULK_REDRIVE_QUEUE];
  return migrate(ownerUrl, serviceUrl, queues, domains, say);
}
