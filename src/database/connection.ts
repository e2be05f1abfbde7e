/**
 * How a connection to PostgreSQL is opened and what holds for it. A pooler in transaction mode may stand in between: it
 * refuses most startup parameters, and gives each transaction another session. So limits and the search path are set
 * within each transaction, and nothing else is left in a session.
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

/** The statements, without rows, that each transaction begins with. */
export function transactionSettings({ hasTimeouts = true, schema }: ConnectionOptions): string {
  const searchPath =
    schema === undefined ? "" : `set local search_path = ${pg.escapeIdentifier(schema)}, public; `;
  return `${hasTimeouts ? TIMEOUTS : NO_TIMEOUTS}${searchPath}`;
}

/**
 * The driver reads times in the format ISO alone, and the server, the database or the role may have another one. Poolers
 * know this setting as one of the few that belong to their client, and keep it.
 */
async function setDateStyle(client: pg.ClientBase): Promise<void> {
  await client.query("set datestyle = 'ISO'");
}

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;

const parseBigintArray = (text: string): bigint[] =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);

/** 64-bit integers become bigint, because a position does not fit a number; the rest keeps the driver's own types. */
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
export const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * If the server has not even reported the timeout by then, it is unreachable although the connection is still open.
 * Only the client can notice that, and the operating system stops retransmitting much later.
 */
const ANSWER_TIMEOUT_MS = 5_000;

/** Frees the advisory lock and the checkpoint row of a process whose machine vanished within a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

const TIMEOUTS = `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}; `;

/** The server, the database and the role may have limits too. Not every version of PostgreSQL knows each of them. */
export const NO_TIMEOUTS = `do $$ begin
  perform set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
end $$; `;
