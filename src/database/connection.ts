/**
 * Opens connections to PostgreSQL. A pooler in transaction mode may stand in between: it refuses most startup
 * parameters and changes the session between transactions. So timeouts and the search path are set in each transaction.
 */
import pg from "pg";

export type ConnectionOptions = Readonly<{
  /** Shown by `pg_stat_activity`. */
  applicationName?: string;
  /** False removes the timeouts of statements and of idle transactions. */
  hasTimeouts?: boolean;
  /** A schema whose tables replace those of the same name in `public`. */
  schema?: string;
}>;

export function poolOptions(
  url: string,
  { applicationName = "waybill", hasTimeouts = true }: ConnectionOptions,
): pg.PoolConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(hasTimeouts ? { query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_TIMEOUT_MS } : {}),
    types,
    onConnect: setDateStyle,
  };
}

/** The role that the driver connects as; undefined if neither the URL nor the environment names one. */
export function roleOf(url: string): string | undefined {
  return new pg.Client({ connectionString: url }).user;
}

/** Statements, without rows, at the start of each transaction. */
export function transactionSettings({ hasTimeouts = true, schema }: ConnectionOptions): string {
  const searchPath =
    schema === undefined ? "" : `set local search_path = ${pg.escapeIdentifier(schema)}, public; `;
  return `${hasTimeouts ? TIMEOUTS : NO_TIMEOUTS}${searchPath}`;
}

/**
 * The driver parses times in ISO format only, and the server may default to another. Poolers keep this setting for each
 * client.
 */
async function setDateStyle(client: pg.ClientBase): Promise<void> {
  await client.query("set datestyle = 'ISO'");
}

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;

const parseBigintArray = (text: string): bigint[] =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);

/** bigint for 64-bit integers, because a number cannot hold every position. */
const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === INT8_OID) return BigInt;
    if (oid === INT8_ARRAY_OID) return parseBigintArray;
    return pg.types.getTypeParser(oid, format as "text");
  },
} as pg.CustomTypesConfig;

/** Longer than a healthy connect; short enough to notice a black hole. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Ten times the slowest statement of the service; a longer one is stuck, and another connection retries it. */
export const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Time for the server to report its timeout. After that it is unreachable, and the operating system would keep the
 * connection open much longer.
 */
const ANSWER_TIMEOUT_MS = 5_000;

/** Frees the locks of a process whose machine vanished within a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

const TIMEOUTS = `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}; `;

/** Also overrides timeouts of the server, the database and the role. Older versions of PostgreSQL lack some of them. */
export const NO_TIMEOUTS = `do $$ begin
  perform set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
end $$; `;
