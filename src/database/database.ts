/**
 * The one way to PostgreSQL: a bounded number of connections, lent for one statement, one transaction or one session.
 * Every failure leaves as a `DatabaseError`. Nothing connects before the first statement.
 */
import pg from "pg";
import type { Logger } from "../telemetry/logger.ts";
import { type ConnectionOptions, connectionOptions } from "./connection.ts";
import { classify, DatabaseError } from "./database-error.ts";
import { Classified, type CopySource } from "./queryable.ts";
import { Transaction } from "./transaction.ts";

export type DatabaseOptions = ConnectionOptions &
  Readonly<{
    /** The most connections that are open at once. A caller waits while all of them are busy. */
    connectionsMax: number;
    logger: Logger;
  }>;

/** Counts of connections, and of callers who wait for one. */
export type ConnectionCounts = Readonly<{ busy: number; idle: number; waiting: number }>;

export class Database extends Classified implements CopySource, AsyncDisposable {
  readonly #pool: pg.Pool;
  #closed: Promise<void> | undefined;

  constructor(url: string, { connectionsMax, logger, ...options }: DatabaseOptions) {
    super();
    this.#pool = new pg.Pool({ ...connectionOptions(url, options), max: connectionsMax });
    // A connection can break at any moment and can report it twice: by a message of the server and by the end of its
    // socket. The caller learns of it by the failure of the statement. An event without a listener ends the process.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#pool.on("error", (error) => {
      logger.debug({ error: error.message }, "an idle database connection was lost");
    });
  }

  /** Runs one statement on any connection. @throws DatabaseError */
  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    return classify(this.#pool.query<Row>(text, values as unknown[]));
  }

  /**
   * Commits the work, or rolls it back and rethrows.
   * @throws DatabaseError for every failure of the database; otherwise the error of `work`.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#lend(async (client) => {
      const transaction = new Transaction(client);
      const result = await work(transaction);
      await transaction.commit();
      return { result, isCommitted: true };
    });
  }

  /** Runs the work and always rolls it back: it shows what would happen. @throws as `transaction` does. */
  attempt<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#lend(async (client) => ({
      result: await work(new Transaction(client)),
      isCommitted: false,
    }));
  }

  /** The bytes of one `COPY … TO STDOUT`; values in it are constants of the code or escaped literals. */
  copyOut(statement: string): Promise<Buffer> {
    return this.attempt((transaction) => transaction.copyOut(statement));
  }

  /** Lends one connection until the session is disposed. It is for what lives in a session, such as a session lock. */
  async hold(): Promise<Session> {
    return new Session(await classify(this.#pool.connect()));
  }

  get connections(): ConnectionCounts {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** Closes the idle connections at once, and the busy ones when they are given back. */
  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #lend<T>(work: (client: pg.PoolClient) => Promise<{ result: T; isCommitted: boolean }>): Promise<T> {
    const client = await classify(this.#pool.connect());
    let broken: Error | undefined;
    let isCommitted = false;
    try {
      const done = await work(client);
      isCommitted = done.isCommitted;
      return done.result;
    } catch (error) {
      // A rollback cannot be sent over a lost connection; the server rolls back when it notices the loss.
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
}

/** One connection of its own. Disposing it closes the connection, and with it everything that the session held. */
export class Session extends Classified implements Disposable {
  readonly #client: pg.PoolClient;
  #isLost = false;

  constructor(client: pg.PoolClient) {
    super();
    this.#client = client;
    client.once("end", () => {
      this.#isLost = true;
    });
  }

  /** True after the connection has ended; the session's locks are free then. */
  get isLost(): boolean {
    return this.#isLost;
  }

  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    return classify(this.#client.query<Row>(text, values as unknown[]));
  }

  [Symbol.dispose](): void {
    this.#client.release(true);
  }
}
