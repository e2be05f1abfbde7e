/** Waits for a database that is unreachable or lacks this version's schema. */
import { setTimeout as delay } from "node:timers/promises";
import { DATABASE_CONNECTIONS } from "../config/process-settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import { backoffMilliseconds } from "./backoff.ts";
import type { Database } from "./database.ts";
import { DatabaseError } from "./database-error.ts";
import { type MigratedDomain, missingMigrations } from "./migrate.ts";
import { searchPathProblem } from "./search-path.ts";

/** The message tells the operator what to do, and is public. */
export class NotReadyError extends Error {}

/**
 * @param onWaiting receives a public reason after each failed attempt.
 * @throws when the signal aborts.
 */
export async function waitForSchema(
  database: Database,
  domains: readonly MigratedDomain[],
  logger: Logger,
  signal: AbortSignal,
  onWaiting: (reason: string) => void,
): Promise<void> {
  await untilItSucceeds(logger, signal, onWaiting, async () => {
    const problem = await searchPathProblem(database);
    if (problem !== undefined) {
      // A repaired search path holds for new sessions only.
      await database.renewConnections();
      throw new NotReadyError(problem);
    }
    const missing = await missingMigrations(database, domains);
    if (missing.length === 0) return;
    throw new NotReadyError(`the database lacks ${missing.join(", ")}: run "npm run waybill -- migrate"`);
  });
}

/** A driver's message can name hosts and users. */
function publicReasonOf(error: unknown): string {
  if (error instanceof NotReadyError) return error.message;
  if (error instanceof DatabaseError && error.sqlState === TOO_MANY_CONNECTIONS) {
    const { byDefault, min } = DATABASE_CONNECTIONS;
    return `PostgreSQL allows no more connections: set DATABASE_CONNECTIONS_MAX (default ${byDefault}, at least ${min}) to what it allows`;
  }
  return "the database cannot be used yet; the log says why";
}

/** @throws if the signal aborts first. */
export async function untilItSucceeds<T>(
  logger: Logger,
  signal: AbortSignal,
  onWaiting: (reason: string) => void,
  attemptOnce: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await attemptOnce();
    } catch (error) {
      const reason = error instanceof Error ? error.message || error.name : String(error);
      onWaiting(publicReasonOf(error));
      logger.warn({ attempt, reason }, "not ready to start yet; waiting");
    }
    await delay(backoffMilliseconds(attempt), undefined, { signal });
  }
}

/** Source: PostgreSQL manual, "PostgreSQL Error Codes". */
const TOO_MANY_CONNECTIONS = "53300";
