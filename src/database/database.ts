/**
 * The one way to PostgreSQL: a bounded number of connections, lent for one statement, one transaction or one session.
 * Every failure leaves as a `DatabaseError`. Nothing connects before the first statement.
 */
import pg from "pg";
import type { Logger } from "../telemetry/logger.ts";
import { cancelStatement } from "./cancel.ts";
import {
  type ConnectionOptions,
  poolOptions,
  STATEMENT_TIMEOUT_MS,
  transactionSettings,
} from "./connection.ts";
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

/** How a transaction sees what others commit meanwhile; PostgreSQL's default is a new snapshot for each statement. */
export type TransactionOptions = Readonly<{ isolation?: "repeatable read" }>;

export class Database extends Classified implements CopySource, AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #options: ConnectionOptions;
  #closed: Promise<void> | undefined;

  constructor(url: string, { connectionsMax, logger, ...options }: DatabaseOptions) {
    super();
    this.#options = options;
    this.#pool = new pg.Pool({ ...poolOptions(url, options), max: connectionsMax });
    // A connection can break at any moment and can report it twice: by a message of the server and by the end of its
    // socket. The caller learns of it by the failure of the statement. An event without a listener ends the process.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#pool.on("error", (error) => {
      logger.debug({ error: error.message }, "an idle database connection was lost");
    });
  }

  /** Runs one statement on any connection. @throws DatabaseError */
  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    const { hasTimeouts = true, schema } = this.#options;
    // Other settings than the usual ones hold within a transaction alone.
    if (!hasTimeouts || schema !== undefined) {
      return this.transaction((transaction) => transaction.query<Row>(text, values));
    }
    return this.#queryOn<Row>(text, values);
  }

  /**
   * Commits the work, or rolls it back and rethrows.
   * @throws DatabaseError for every failure of the database; otherwise the error of `work`.
   */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return this.#run(work, "commit", options);
  }

  /** Runs the work and always rolls it back: it shows what would happen. @throws as `transaction` does. */
  attempt<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#run(work, "rollback", {});
  }

  /** The bytes of one `COPY … TO STDOUT`; values in it are constants of the code or escaped literals. */
  copyOut(statement: string): Promise<Buffer> {
    return this.attempt((transaction) => transaction.copyOut(statement));
  }

  /**
   * Begins a transaction without limits of time that stays open until it is disposed. It is for a lock: one that ends
   * with its transaction works through a pooler too, and nothing of it stays behind.
   */
  async hold(): Promise<OpenTransaction> {
    const client = await classify(this.#pool.connect());
    return new OpenTransaction(
      client,
      new Transaction(client, `begin; ${transactionSettings({ hasTimeouts: false })}`),
    );
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

  async #run<T>(
    work: (transaction: Transaction) => Promise<T>,
    end: "commit" | "rollback",
    { isolation }: TransactionOptions,
  ): Promise<T> {
    const client = await classify(this.#pool.connect());
    const begin = isolation === undefined ? "begin" : `begin isolation level ${isolation}`;
    const transaction = new Transaction(client, `${begin}; ${transactionSettings(this.#options)}`);
    try {
      return await transaction.run(work, end);
    } finally {
      client.release(transaction.isSpoilt);
    }
  }

  /** The limit of time is kept on this side: the server could only keep one that was set in the session. */
  async #queryOn<Row extends object>(text: string, values: readonly unknown[] | undefined) {
    const client = await classify(this.#pool.connect());
    const timer = setTimeout(() => cancelStatement(client), STATEMENT_TIMEOUT_MS);
    let isSpoilt = false;
    try {
      return await classify(client.query<Row>(text, values as unknown[]));
    } catch (error) {
      isSpoilt = !(error instanceof DatabaseError) || error.isAboutConnection;
      throw error;
    } finally {
      clearTimeout(timer);
      client.release(isSpoilt);
    }
  }
}

/** A transaction that stays open. Disposing it closes its connection, and so rolls back and frees what it locked. */
export class OpenTransaction extends Classified implements AsyncDisposable {
  readonly #client: pg.PoolClient;
  readonly #transaction: Transaction;
  readonly #lost = new AbortController();

  constructor(client: pg.PoolClient, transaction: Transaction) {
    super();
    this.#client = client;
    this.#transaction = transaction;
    client.once("end", () =>
      this.#lost.abort(new DatabaseError(new Error("the connection of a lock was lost"))),
    );
  }

  /** Aborts when the connection has ended; the locks are free then. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    return this.#transaction.query<Row>(text, values);
  }

  /** Resolves when the locks are free: the next process must not meet them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.query("rollback").catch(() => {});
    this.#client.release(true);
  }
}
