/**
 * One transaction: statements enter, a commit or a rollback leaves. Every failure of the database leaves as a
 * `DatabaseError`. `Database` makes it and lends it the connection.
 */
import type pg from "pg";
import { classify, DatabaseError } from "./database-error.ts";
import { Classified, type CopySource } from "./queryable.ts";
import { runCommit, runCopyOut, runScript, type ScriptRows } from "./script.ts";

export class Transaction extends Classified implements CopySource {
  readonly #client: pg.PoolClient;
  readonly #begin: string;
  #isBegun = false;
  #isSpoilt = false;
  #withCommit = "";
  /** Why a failed step could not be undone; the transaction cannot be committed then. */
  #notUndone: unknown;

  /** @param begin the statements that begin it, without rows; they are sent together with its first statement. */
  constructor(client: pg.PoolClient, begin: string) {
    super();
    this.#client = client;
    this.#begin = begin;
  }

  /** True if the connection must not be used again, whether its failure was ignored or not. */
  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  /**
   * Runs the work and ends the transaction; rolls it back if the work fails.
   * @throws DatabaseError for every failure of the database; otherwise the error of `work`.
   */
  async run<T>(work: (transaction: Transaction) => Promise<T>, end: "commit" | "rollback"): Promise<T> {
    try {
      const result = await work(this);
      if (end === "commit") await this.#commit();
      else await this.#rollBack();
      return result;
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  override async query<Row extends object>(text: string, values?: readonly unknown[]) {
    if (!this.#isBegun) await this.script("");
    return this.#answerOf(this.#client.query<Row>(text, values as unknown[]));
  }

  /**
   * Several statements at once, the data of one `COPY … FROM STDIN` among them included. The first one of a
   * transaction carries its `begin` along.
   * @returns the rows of all statements.
   */
  async script(statements: string, data?: Buffer): Promise<ScriptRows> {
    const text = this.#isBegun ? statements : `${this.#begin}${statements}`;
    this.#isBegun = true;
    return this.#answerOf(runScript(this.#client, text, data));
  }

  /** The bytes of one `COPY … TO STDOUT`; values in it are constants of the code or escaped literals. */
  async copyOut(statement: string): Promise<Buffer> {
    if (!this.#isBegun) await this.script("");
    return this.#answerOf(runCopyOut(this.#client, statement));
  }

  /** Runs `work` so that a failure undoes only what `work` did and leaves the transaction usable. */
  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#undoOnFailure(async () => {
      await this.script("savepoint attempt");
      const result = await work();
      await this.script("release savepoint attempt");
      return result;
    });
  }

  /** The same for statements that are known beforehand, in one round trip. */
  scriptInSavepoint(statements: string, data?: Buffer): Promise<ScriptRows> {
    const inSavepoint = `savepoint attempt; ${statements}; release savepoint attempt`;
    return this.#undoOnFailure(() => this.script(inSavepoint, data));
  }

  /** Leaves a statement to be sent together with the commit; for the last one, whose answer is not needed. */
  sendWithCommit(statement: string): void {
    this.#withCommit += `${statement}; `;
  }

  /** @throws DatabaseError also if PostgreSQL rolls back, because a statement failed and its failure was ignored. */
  async #commit(): Promise<void> {
    if (this.#notUndone !== undefined) throw this.#notUndone;
    if (this.#isBegun) await this.#answerOf(runCommit(this.#client, `${this.#withCommit}commit`));
  }

  /** Over a spoilt connection nothing is sent: the server rolls back when the connection is closed. */
  async #rollBack(): Promise<void> {
    if (!this.#isBegun || this.#isSpoilt) return;
    await this.script("rollback").catch(() => {
      this.#isSpoilt = true;
    });
  }

  /** The caller gets the first error, which is the cause, even if the rollback fails too. */
  async #undoOnFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#isSpoilt) this.#notUndone = error;
      else
        await this.script("rollback to savepoint attempt").catch((failure: unknown) => {
          this.#notUndone = failure;
        });
      throw error;
    }
  }

  async #answerOf<T>(answer: Promise<T>): Promise<T> {
    try {
      return await classify(answer);
    } catch (error) {
      if (error instanceof DatabaseError && error.isAboutConnection) this.#isSpoilt = true;
      throw error;
    }
  }
}
