/**
 * Runs statements, so that the caller owns the transaction. A bare `pg.Pool` or `pg.Client` does not fit, because its
 * errors are not `DatabaseError`s.
 */

/** Makes the type nominal, for the compiler only. */
declare const classified: unique symbol;

export interface Queryable {
  readonly [classified]: true;
  /** @throws DatabaseError */
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
  /** @throws DatabaseError */
  copyOut(statement: string): Promise<Buffer>;
}
