/**
 * One transaction: statements enter, a commit leaves. `Database` makes it, and rolls it back if the work fails. Every
 * failure of the database leaves as a `DatabaseError`.
 */
import type pg from "pg";
import { classify, DatabaseError } from "./database-error.ts";
import { Classified, type CopySource } from "./queryable.ts";
import { runCommit, runCopyOut, runScript, type ScriptRows } from "./script.ts";

export class Transaction extends Classified implements CopySource {
  readonly #client: pg.PoolClient;
  #isBegun = false;
  #withCommit = "";
  /** Why a failed step could not be undone; the transaction cannot be committed then. */
  #notUndone: unknown;

  constructor(client: pg.PoolClient) {
    super();
    this.#client = client;
  }

  override async query<Row extends object>(text: string, values?: readonly unknown[]) {
    if (!this.#isBegun) await this.script("");
    return classify(this.#client.query<Row>(text, values as unknown[]));
  }

  /**
   * Several statements at once, the data of one `COPY … FROM STDIN` among them included. The first one of a
   * transaction carries its `begin` along.
   * @returns the rows of all statements.
   */
  async script(statements: string, data?: Buffer): Promise<ScriptRows> {
    const text = this.#isBegun ? statements : `begin; ${statements}`;
    this.#isBegun = true;
    return classify(runScript(this.#client, text, data));
  }

  /** The bytes of one `COPY … TO STDOUT`; values in it are constants of the code or escaped literals. */
  async copyOut(statement: string): Promise<Buffer> {
    if (!this.#isBegun) await this.script("");
    return classify(runCopyOut(this.#client, statement));
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
  async commit(): Promise<void> {
    if (this.#notUndone !== undefined) throw this.#notUndone;
    if (this.#isBegun) await classify(runCommit(this.#client, `${this.#withCommit}commit`));
  }

  /** The caller gets the first error, which is the cause, even if the rollback fails too. */
  async #undoOnFailure<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isConnectionLost = error instanceof DatabaseError && error.sqlState === undefined;
      if (isConnectionLost) this.#notUndone = error;
      else
        await this.script("rollback to savepoint attempt").catch((failure: unknown) => {
          this.#notUndone = failure;
        });
      throw error;
    }
  }
}
