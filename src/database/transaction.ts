/** One transaction: statements enter, a commit or a rollback leaves. Every failure is a `DatabaseError`. */
import type pg from "pg";
import { classify, DatabaseError } from "./database-error.ts";
import { type PreparedStatements, runQuery } from "./prepared.ts";
import { Classified, type CopySource } from "./queryable.ts";
import { runCommit, runCopyOut, runScript, type ScriptRows } from "./script.ts";

export class Transaction extends Classified implements CopySource {
  readonly #client: pg.PoolClient;
  readonly #begin: string;
  readonly #prepared: PreparedStatements | undefined;
  #isBegun = false;
  #isSpoilt = false;
  #withCommit = "";
  /** Prevents the commit. */
  #notUndone: unknown;

  /** @param begin sent with the first statement; returns no rows. */
  constructor(client: pg.PoolClient, begin: string, prepared?: PreparedStatements) {
    super();
    this.#prepared = prepared;
    this.#client = client;
    this.#begin = begin;
  }

  /** Whether the connection must be closed, even if the failure was ignored. */
  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  /** @throws DatabaseError for every database failure; otherwise the error of `work`. */
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
    return this.#answerOf(runQuery<Row>(this.#client, text, values, this.#prepared));
  }

  /** @param data of one `COPY … FROM STDIN` among the statements. */
  async script(statements: string, data?: Buffer): Promise<ScriptRows> {
    const text = this.#isBegun ? statements : `${this.#begin}${statements}`;
    this.#isBegun = true;
    return this.#answerOf(runScript(this.#client, text, data));
  }

  /** Values must be constants or escaped literals. */
  async copyOut(statement: string): Promise<Buffer> {
    if (!this.#isBegun) await this.script("");
    return this.#answerOf(runCopyOut(this.#client, statement));
  }

  /** A failure undoes only this work and leaves the transaction usable. */
  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.#undoOnFailure(async () => {
      await this.script("savepoint attempt");
      const result = await work();
      await this.script("release savepoint attempt");
      return result;
    });
  }

  /** In one round trip. */
  scriptInSavepoint(statements: string, data?: Buffer): Promise<ScriptRows> {
    const inSavepoint = `savepoint attempt; ${statements}; release savepoint attempt`;
    return this.#undoOnFailure(() => this.script(inSavepoint, data));
  }

  /** For statements whose answer is not needed. */
  sendWithCommit(statement: string): void {
    this.#withCommit += `${statement}; `;
  }

  /** @throws DatabaseError also if an ignored failure makes PostgreSQL roll back. */
  async #commit(): Promise<void> {
    if (this.#notUndone !== undefined) throw this.#notUndone;
    if (this.#isBegun) await this.#answerOf(runCommit(this.#client, `${this.#withCommit}commit`));
  }

  /** If the connection is spoilt, closing it rolls back. */
  async #rollBack(): Promise<void> {
    if (!this.#isBegun || this.#isSpoilt) return;
    await this.script("rollback").catch(() => {
      this.#isSpoilt = true;
    });
  }

  /** Throws the first error, even if the rollback fails too. */
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
