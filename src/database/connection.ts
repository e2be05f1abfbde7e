/**
 * How a connection to PostgreSQL is opened: timeouts, the search path, and types. 64-bit integers become bigint here,
 * because a position does not fit a JavaScript number; everything else keeps the driver's own types.
 */
import pg from "pg";

export type ConnectionOptions = Readonly<{
  /** What `pg_stat_activity` shows. */
  applicationName?: string;
  /** False removes the limits to how long a statement, or a pause within a transaction, may take. */
  hasTimeouts?: boolean;
  /** Tables of this schema take the place of those of `public` with the same name. */
  schema?: string;
}>;

export function connectionOptions(
  url: string,
  { applicationName = "waybill", hasTimeouts = true, schema }: ConnectionOptions,
): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    statement_timeout: hasTimeouts ? STATEMENT_TIMEOUT_MS : 0,
    idle_in_transaction_session_timeout: hasTimeouts ? IDLE_IN_TRANSACTION_TIMEOUT_MS : 0,
    ...(hasTimeouts ? { query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_TIMEOUT_MS } : {}),
    ...(schema === undefined ? {} : { options: `-c search_path=${schema},public` }),
    types,
  };
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
 * If the server has not even reported the timeout by then, it is unreachable although the connection is still open.
 * Only the client can notice that, and the operating system stops retransmitting much later.
 */
const ANSWER_TIMEOUT_MS = 5_000;

/** Frees the advisory lock and the checkpoint row of a process whose machine vanished within a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
