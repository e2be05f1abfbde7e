/** Waits for a database that is not there yet: unreachable, or without this version's schema. */
import { setTimeout as delay } from "node:timers/promises";
import { DATABASE_CONNECTIONS } from "../config/config.ts";
import type { Logger } from "../telemetry/logger.ts";
import { backoffMilliseconds } from "./backoff.ts";
import { DatabaseError } from "./database-error.ts";
import { type MigratedDomain, missingMigrations } from "./migrate.ts";
import type { Queryable } from "./queryable.ts";

/** Something has to be done to the database first. The message says what, and may be shown to everybody. */
export class NotReadyError extends Error {}

/**
 * Resolves once every migration of this version is applied: the engine's, and those of the process's domains.
 * @param onWaiting receives, after each attempt, the reason in words that may be public.
 * @throws when the signal aborts.
 */
export async function waitForSchema(
  database: Queryable,
  domains: readonly MigratedDomain[],
  logger: Logger,
  signal: AbortSignal,
  onWaiting: (reason: string) => void,
): Promise<void> {
  await untilItSucceeds(logger, signal, onWaiting, async () => {
    const missing = await missingMigrations(database, domains);
    if (missing.length === 0) return;
    throw new NotReadyError(`the database lacks ${missing.join(", ")}: run "npm run waybill -- migrate"`);
  });
}

/** The log has the rest: a driver's text can name hosts and users. */
function publicReasonOf(error: unknown): string {
  if (error instanceof NotReadyError) return error.message;
  if (error instanceof DatabaseError && error.sqlState === TOO_MANY_CONNECTIONS) {
    const { byDefault, min } = DATABASE_CONNECTIONS;
    return `PostgreSQL allows no more connections: set DATABASE_CONNECTIONS_MAX (default ${byDefault}, at least ${min}) to what it allows`;
  }
  return "the database cannot be used yet; the log says why";
}

/** Tries for as long as it takes, with a capped backoff. @throws where the signal aborts first. */
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

/** Of the server, the database or the role. Source: PostgreSQL manual, "PostgreSQL Error Codes". */
const TOO_MANY_CONNECTIONS = "53300";
