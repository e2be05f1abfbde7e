/**
 * Runs statements: a database, a lock or a transaction, so that the caller owns the transaction. A bare `pg.Pool` or
 * `pg.Client` does not fit, because its errors are not `DatabaseError`s.
 */

/** Makes the type nominal; exists for the compiler only. */
declare const classified: unique symbol;

export interface Queryable {
  readonly [classified]: true;
  /** @throws DatabaseError for every failure. */
  query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

export abstract class Classified implements Queryable {
  declare readonly [classified]: true;

  abstract query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

export interface CopySource {
  /** The bytes of a `COPY … TO STDOUT`. @throws DatabaseError */
  copyOut(statement: string): Promise<Buffer>;
}
