/** Installs the tables and job queues of this version. */
import { type MigratedDomain, migrate } from "../database/migrate.ts";
import { BULK_DECISION_QUEUE, BULK_REDRIVE_QUEUE } from "../deadletter/repair/bulk-runner.ts";
import { wakeupQueues } from "../projector/wakeups.ts";

/**
 * Many processes can run it at once.
 * @param ownerUrl connects as the owner role.
 * @param serviceUrl its user gets the privileges.
 * @param domains the domains of the process; tables of other domains do not change.
 * @param say reports the stage that this waits for.
 * @returns the names of the migrations that it applied.
 */
export function install(
  ownerUrl: string,
  serviceUrl: string,
  domains: readonly MigratedDomain[],
  say: (text: string) => void = () => {},
): Promise<string[]> {
  const queues = [...wakeupQueues(domains.map(({ name }) => name)), BULK_REDRIVE_QUEUE, BULK_DECISION_QUEUE];
  return migrate(ownerUrl, serviceUrl, queues, domains, say);
}
