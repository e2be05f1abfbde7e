/**
 * Access to PostgreSQL: a bounded pool of connections, each lent for one statement, transaction or lock. Every failure
 * leaves as a `DatabaseError`. Connects with the first statement.
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
import { PreparedStatements, runQuery } from "./prepared.ts";
import { Classified, type CopySource } from "./queryable.ts";
import { Transaction } from "./transaction.ts";

export type DatabaseOptions = ConnectionOptions &
  Readonly<{
    /** Callers wait while all are busy. */
    connectionsMax: number;
    /** For callers that repeat few statements. */
    preparesStatements?: boolean;
    logger: Logger;
  }>;

export type ConnectionCounts = Readonly<{ busy: number; idle: number; waiting: number }>;

/** By default each statement sees a new snapshot. */
export type TransactionOptions = Readonly<{ isolation?: "repeatable read" }>;

export class Database extends Classified implements CopySource, AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #options: ConnectionOptions;
  readonly #prepared: PreparedStatements | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    url: string,
    { connectionsMax, preparesStatements = false, logger, ...options }: DatabaseOptions,
  ) {
    super();
    this.#options = options;
    const prepared = preparesStatements ? new PreparedStatements() : undefined;
    this.#prepared = prepared;
    this.#pool = new pg.Pool({
      ...poolOptions(url, options, (client) => prepared?.learn(client)),
      max: connectionsMax,
    });
    // An event without a listener ends the process; the statement in flight reports the failure.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#pool.on("error", (error) => {
      logger.debug({ error: error.message }, "an idle database connection was lost");
    });
  }

  /** @throws DatabaseError */
  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    const { hasTimeouts = true, schema } = this.#options;
    // Other settings need a transaction.
    if (!hasTimeouts || schema !== undefined) {
      return this.transaction((transaction) => transaction.query<Row>(text, values));
    }
    return this.#queryOn<Row>(text, values);
  }

  /** @throws DatabaseError for every database failure; otherwise the error of `work`. */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return this.#run(work, "commit", options);
  }

  /** Rolls the work back. @throws as `transaction` does. */
  attempt<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#run(work, "rollback", {});
  }

  /** The bytes of a `COPY … TO STDOUT`. Its values must be constants or escaped literals. */
  copyOut(statement: string): Promise<Buffer> {
    return this.attempt((transaction) => transaction.copyOut(statement));
  }

  /** Holds locks without timeouts. Transaction locks work through poolers and leave nothing behind. */
  async hold(): Promise<OpenTransaction> {
    const client = await classify(this.#pool.connect());
    return new OpenTransaction(
      client,
      new Transaction(client, `begin; ${transactionSettings({ hasTimeouts: false })}`),
    );
  }

  /** Closes the connections that are idle, so that later statements run in new sessions. */
  async renewConnections(): Promise<void> {
    const idle = Array.from({ length: this.#pool.idleCount }, () => classify(this.#pool.connect()));
    for (const client of await Promise.all(idle)) client.release(true);
  }

  get connections(): ConnectionCounts {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** Busy connections close on release. */
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
    const transaction = new Transaction(
      client,
      `${begin}; ${transactionSettings(this.#options)}`,
      this.#prepared,
    );
    try {
      return await transaction.run(work, end);
    } finally {
      client.release(transaction.isSpoilt);
    }
  }

  /** A client-side timeout: the server's would have to be set in the session. */
  async #queryOn<Row extends object>(text: string, values: readonly unknown[] | undefined) {
    const client = await classify(this.#pool.connect());
    const timer = setTimeout(() => cancelStatement(client), STATEMENT_TIMEOUT_MS);
    let isSpoilt = false;
    try {
      return await classify(runQuery<Row>(client, text, values, this.#prepared));
    } catch (error) {
      isSpoilt = !(error instanceof DatabaseError) || error.isAboutConnection;
      throw error;
    } finally {
      clearTimeout(timer);
      client.release(isSpoilt);
    }
  }
}

/** Disposing it closes the connection, which frees the locks. */
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

  /** Aborts when the connection ends. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    return this.#transaction.query<Row>(text, values);
  }

  /** Resolves when the locks are free. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.query("rollback").catch(() => {});
    this.#client.release(true);
  }
}
