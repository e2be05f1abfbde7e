/**
 * The one place that opens connections to PostgreSQL. 64-bit integers become bigint here, because a position
 * does not fit a JavaScript number; everything else keeps the driver's own types.
 */
import pg from "pg";
import type { Logger } from "../telemetry/logger.ts";

/** What a statement needs: a pool, a client, or an open transaction, so that the caller owns the transaction. */
export interface Queryable {
  query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
}

export type PoolOptions = Readonly<{
  /** No limit to how long a statement, or a pause within a transaction, may take. */
  isPatient?: boolean;
  /** Tables of this schema stand for those of `public` with the same name. */
  schema?: string;
}>;

/** Opens a pool of at most `size` connections; nothing is connected until the first statement. */
export function openPool(
  databaseUrl: string,
  size: number,
  logger: Logger,
  { isPatient = false, schema }: PoolOptions = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: size,
    application_name: "waybill",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    statement_timeout: isPatient ? 0 : STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: isPatient ? 0 : IDLE_IN_TRANSACTION_TIMEOUT_MS,
    ...(isPatient ? {} : { query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_TIMEOUT_MS }),
    ...(schema === undefined ? {} : { options: `-c search_path=${schema},public` }),
    types,
  });
  // A connection can break at any moment, and say so more than once: that it terminates, and that its socket is gone.
  // Whoever uses it learns by the failure of what was asked; an event that nobody listens to would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", (error) => logger.debug({ error: error.message }, "an idle database connection was lost"));
  return pool;
}

/** Closes the connections that are idle and those in use as they come back. */
export async function closePool(pool: pg.Pool): Promise<void> {
  await pool.end();
}

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;

const parseBigintArray = (text: string): bigint[] =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);

const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === INT8_OID) return BigInt;
    if (oid === INT8_ARRAY_OID) return parseBigintArray;
    return pg.types.getTypeParser(oid, format as "text");
  },
} as pg.CustomTypesConfig;

/** Longer than any healthy connect; short enough that a black hole is noticed before a person does. */
const CONNECT_TIMEOUT_MS = 5_000;

/** No statement of the service takes a tenth of this; a longer one is stuck and is retried elsewhere. */
const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * A server that has not even said that it gave up is not to be reached any more, though nobody has closed the
 * connection: only this end can notice, and no retransmission of the operating system gives up as early.
 */
const ANSWER_TIMEOUT_MS = 5_000;

/** Frees the advisory lock and the checkpoint row of a process whose machine vanished within a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
