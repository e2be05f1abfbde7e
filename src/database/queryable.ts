/**
 * What a statement needs, so that the caller owns the transaction: the database as a whole, a session or a transaction.
 * A bare `pg.Pool` or `pg.Client` does not fit, because its failures are not classified into `DatabaseError`.
 */

/** Only classes of this folder have this member, so the type is nominal. It exists for the compiler alone. */
declare const classified: unique symbol;

export interface Queryable {
  readonly [classified]: true;
  /** Runs one statement. @throws DatabaseError for every failure. */
  query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

/** The base of every `Queryable`. */
export abstract class Classified implements Queryable {
  declare readonly [classified]: true;

  abstract query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

/** Where the bytes of a `COPY … TO STDOUT` come from. */
export interface CopySource {
  /** @throws DatabaseError */
  copyOut(statement: string): Promise<Buffer>;
}
