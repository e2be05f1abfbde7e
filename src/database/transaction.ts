/**
 * One transaction: work enters, a commit or a rollback leaves. Every error that PostgreSQL or the way to it
 * raises comes out as a DatabaseError, so that "the surroundings failed" and "this data cannot be stored" are
 * told apart by SQLSTATE and never by the text of a message.
 */
import pg from "pg";
import { runCopyOut, runScript, type ScriptRows } from "./copy/script.ts";
import type { Queryable } from "./pool.ts";

/** `sqlState` is undefined where the connection failed before PostgreSQL could answer. */
export class DatabaseError extends Error {
  readonly sqlState: string | undefined;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "the database failed", { cause });
    this.sqlState = cause instanceof pg.DatabaseError ? cause.code : undefined;
  }

  /**
   * True where the data itself is what PostgreSQL refused: class 22 (data exception), 23 (constraint
   * violation), 54 (a limit of the program, such as an index entry that is too large). Everything else is a
   * fault of the surroundings, which passes.
   * Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
   */
  get isAboutData(): boolean {
    return this.sqlState !== undefined && DATA_ERROR_CLASSES.has(this.sqlState.slice(0, 2));
  }

  get isUniqueViolation(): boolean {
    return this.sqlState === UNIQUE_VIOLATION;
  }
}

/** A pool whose every failure is a DatabaseError, for single statements outside a transaction. */
export function queryableOf(pool: pg.Pool): Queryable {
  return {
    query: async <Row extends object>(text: string, values?: readonly unknown[]) => {
      try {
        return await pool.query<Row>(text, values as unknown[]);
      } catch (cause) {
        throw new DatabaseError(cause);
      }
    },
  };
}

/** Where the bytes of a `COPY … TO STDOUT` come from. */
export type CopySource = Readonly<{ copyOut: (statement: string) => Promise<Buffer> }>;

/** Copies outside a transaction, each on a connection of the pool. */
export function copySourceOf(pool: pg.Pool): CopySource {
  return { copyOut: (statement) => rollBackAfter(pool, (transaction) => transaction.copyOut(statement)) };
}

export class Transaction implements Queryable, CopySource {
  readonly #client: pg.PoolClient;
  #isBegun = false;
  #withCommit = "";

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async query<Row extends object>(text: string, values?: readonly unknown[]) {
    if (!this.#isBegun) await this.script("");
    try {
      return await this.#client.query<Row>(text, values as unknown[]);
    } catch (cause) {
      throw new DatabaseError(cause);
    }
  }

  /**
   * Several statements at once, the data of one `COPY … FROM STDIN` among them included. The first one of a
   * transaction carries its `begin` along.
   * @returns the rows of all statements.
   */
  async script(statements: string, data?: Buffer): Promise<ScriptRows> {
    const text = this.#isBegun ? statements : `begin; ${statements}`;
    this.#isBegun = true;
    try {
      return await runScript(this.#client, text, data);
    } catch (cause) {
      throw new DatabaseError(cause);
    }
  }

  /** The bytes of one `COPY … TO STDOUT`; values in it are constants of the code or escaped literals. */
  async copyOut(statement: string): Promise<Buffer> {
    if (!this.#isBegun) await this.script("");
    try {
      return await runCopyOut(this.#client, statement);
    } catch (cause) {
      throw new DatabaseError(cause);
    }
  }

  /** As `script`, but a failure undoes only what these statements did and leaves the transaction usable. */
  async scriptInSavepoint(statements: string, data?: Buffer): Promise<ScriptRows> {
    try {
      return await this.script(`savepoint attempt; ${statements}; release savepoint attempt`, data);
    } catch (error) {
      // Where the connection is gone there is nothing to go back to.
      if (error instanceof DatabaseError && error.sqlState !== undefined) {
        await this.script("rollback to savepoint attempt");
      }
      throw error;
    }
  }

  /** Leaves a statement to be sent together with the commit; for the last one, whose answer nobody needs. */
  sendWithCommit(statement: string): void {
    this.#withCommit += `${statement}; `;
  }

  async commit(): Promise<void> {
    if (this.#isBegun) await this.script(`${this.#withCommit}commit`);
  }

  /** Runs `work` so that a failure undoes only what `work` did and leaves the transaction usable. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.script("savepoint attempt");
    try {
      const result = await work();
      await this.script("release savepoint attempt");
      return result;
    } catch (error) {
      await this.script("rollback to savepoint attempt");
      throw error;
    }
  }
}

/**
 * Commits what `work` did, or rolls it back and rethrows.
 * @throws DatabaseError for every failure of the database; whatever `work` itself throws otherwise.
 */
export function withTransaction<T>(
  pool: pg.Pool,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return withClient(pool, async (client) => {
    const transaction = new Transaction(client);
    const result = await work(transaction);
    await transaction.commit();
    return { result, isCommitted: true };
  });
}

/** Does `work` and takes back whatever it did, for those who ask what would happen. @throws as withTransaction does. */
export function rollBackAfter<T>(pool: pg.Pool, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => ({
    result: await work(new Transaction(client)),
    isCommitted: false,
  }));
}

async function withClient<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<{ result: T; isCommitted: boolean }>,
): Promise<T> {
  const client = await pool.connect().catch((cause: unknown) => {
    throw new DatabaseError(cause);
  });
  let broken: Error | undefined;
  let isCommitted = false;
  try {
    const done = await work(client);
    isCommitted = done.isCommitted;
    return done.result;
  } catch (error) {
    // Where the connection itself failed there is nobody to ask for a rollback; the server does that by itself.
    if (error instanceof DatabaseError && error.sqlState === undefined) broken = error;
    throw error;
  } finally {
    if (!isCommitted && !broken) {
      await client.query("rollback").catch((cause: unknown) => {
        broken = cause instanceof Error ? cause : new Error("rollback failed");
      });
    }
    client.release(broken);
  }
}

const UNIQUE_VIOLATION = "23505";
const DATA_ERROR_CLASSES = new Set(["22", "23", "54"]);
