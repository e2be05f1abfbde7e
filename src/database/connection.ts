/**
 * Opens connections to PostgreSQL, possibly through a pooler in transaction mode: it refuses most startup parameters
 * and changes the session between transactions. So timeouts and the search path are set in each transaction.
 */
import pg from "pg";

export type ConnectionOptions = Readonly<{
  applicationName?: string;
  /** False removes the timeouts of statements and of idle transactions. */
  hasTimeouts?: boolean;
  /** Its tables replace those of the same name in `public`. */
  schema?: string;
}>;

export function poolOptions(
  url: string,
  { applicationName = "waybill", hasTimeouts = true }: ConnectionOptions,
  onConnect: (client: pg.ClientBase) => Promise<void> | undefined = () => undefined,
): pg.PoolConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(hasTimeouts ? { query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_TIMEOUT_MS } : {}),
    types,
    onConnect: async (client) => {
      await setDateStyle(client);
      await onConnect(client);
    },
  };
}

/** Undefined if neither the URL nor the environment names a role. */
export function roleOf(url: string): string | undefined {
  return new pg.Client({ connectionString: url }).user;
}

export function transactionSettings({ hasTimeouts = true, schema }: ConnectionOptions): string {
  const searchPath =
    schema === undefined ? "" : `set local search_path = ${pg.escapeIdentifier(schema)}, public; `;
  return `${hasTimeouts ? TIMEOUTS : NO_TIMEOUTS}${searchPath}`;
}

/** The driver parses only ISO times. Poolers keep this setting for each client. */
async function setDateStyle(client: pg.ClientBase): Promise<void> {
  await client.query("set datestyle = 'ISO'");
}

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;

const parseBigintArray = (text: string): bigint[] =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(BigInt);

/** A number cannot hold every position. */
const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === INT8_OID) return BigInt;
    if (oid === INT8_ARRAY_OID) return parseBigintArray;
    return pg.types.getTypeParser(oid, format as "text");
  },
} as pg.CustomTypesConfig;

/** Longer than a healthy connect; short enough to notice a black hole. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Ten times the slowest statement of the service. */
export const STATEMENT_TIMEOUT_MS = 30_000;

/** Time for the server to report its timeout. The operating system would notice a dead connection much later. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Frees the locks of a machine that vanished within a transaction. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

const TIMEOUTS = `set local statement_timeout = ${STATEMENT_TIMEOUT_MS}; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}; `;

/** Also overrides timeouts of the server, the database and the role; older versions lack some. */
export const NO_TIMEOUTS = `do $$ begin
  perform set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
end $$; `;
