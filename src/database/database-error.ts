/**
 * Every failure of PostgreSQL, or of the connection to it, as one class: SQLSTATE tells an environment fault from data
 * that cannot be stored, the text of a message never does.
 */
import pg from "pg";

export class DatabaseError extends Error {
  /** Undefined if the connection failed before PostgreSQL could answer. */
  readonly sqlState: string | undefined;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "the database failed", { cause });
    this.sqlState = cause instanceof pg.DatabaseError ? cause.code : undefined;
  }

  /**
   * True if PostgreSQL refused the data itself: class 22 (data exception), 23 (constraint violation), 54 (a limit of
   * the program, such as an index entry that is too large). Every other error is an environment fault, which passes.
   * Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
   */
  get isAboutData(): boolean {
    return this.sqlState !== undefined && DATA_ERROR_CLASSES.has(this.sqlState.slice(0, 2));
  }

  /**
   * True if the connection must not be used again: it is lost, or it keeps a state of the server that has passed. After a
   * failover a session can stay read-only (25006), and a server that shuts down or starts says so by class 57P and 08.
   */
  get isAboutConnection(): boolean {
    return this.sqlState === undefined || /^(25006|57P|08)/.test(this.sqlState);
  }

  get isUniqueViolation(): boolean {
    return this.sqlState === UNIQUE_VIOLATION;
  }
}

/** Waits for the driver. @throws DatabaseError instead of what the driver rejects with. */
export async function classify<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw cause instanceof DatabaseError ? cause : new DatabaseError(cause);
  }
}

const UNIQUE_VIOLATION = "23505";
const DATA_ERROR_CLASSES = new Set(["22", "23", "54"]);
