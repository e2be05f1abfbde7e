/** Every failure of PostgreSQL or of its connection, classified by SQLSTATE. */
import pg from "pg";

export class DatabaseError extends Error {
  readonly sqlState: string | undefined;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "the database failed", { cause });
    this.sqlState = cause instanceof pg.DatabaseError ? cause.code : undefined;
  }

  /**
   * PostgreSQL refused the data: class 22 (data exception), 23 (constraint violation), 54 (program limit, such as an
   * index entry that is too large). Every other error is an environment fault, which can be retried. Source: PostgreSQL
   * manual, appendix A, "PostgreSQL Error Codes".
   */
  get isAboutData(): boolean {
    return this.sqlState !== undefined && DATA_ERROR_CLASSES.has(this.sqlState.slice(0, 2));
  }

  /**
   * The connection is lost, or its session is stale: after a failover it can stay read-only (25006); 57P and 08 report
   * shutdown and startup; a prepared statement can be missing (26000), exist already (42P05), or be outdated because a
   * table changed (0A000, "cached plan must not change result type").
   */
  get isAboutConnection(): boolean {
    return this.sqlState === undefined || /^(25006|57P|08|26000|42P05|0A000)/.test(this.sqlState);
  }

  get isUniqueViolation(): boolean {
    return this.sqlState === UNIQUE_VIOLATION;
  }
}

/** @throws DatabaseError */
export async function classify<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw cause instanceof DatabaseError ? cause : new DatabaseError(cause);
  }
}

const UNIQUE_VIOLATION = "23505";
const DATA_ERROR_CLASSES = new Set(["22", "23", "54"]);
