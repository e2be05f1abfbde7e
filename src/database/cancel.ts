/** Cancels the statement that a connection runs, without the help of that connection. */
import { connect } from "node:net";
import type pg from "pg";

/**
 * PostgreSQL stops the statement, which then fails with SQLSTATE 57014. A request that does not arrive changes nothing.
 * Source: PostgreSQL manual, "Canceling Requests in Progress", CancelRequest.
 */
export function cancelStatement(client: pg.PoolClient): void {
  const { host, port, processID, secretKey } = client as pg.PoolClient & Cancellable;
  if (!processID || secretKey === undefined) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(CANCEL_REQUEST, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = host.startsWith("/")
    ? connect(`${host}/.s.PGSQL.${port}`)
    : connect({ host, port: Number(port) });
  socket.setTimeout(CANCEL_TIMEOUT_MS, () => socket.destroy());
  socket.on("error", () => {});
  // The server closes the connection; PgBouncer forgets a request whose sender has closed it first.
  socket.write(request);
  socket.resume();
}

/** What the driver's type does not declare. */
type Cancellable = Readonly<{ host: string; port: number; processID: number | null; secretKey?: number }>;

/** 1234 and 5678 in its halves; no version of the protocol has this number. */
const CANCEL_REQUEST = 80_877_102;

/** A server that cannot be reached in this time is not the one that is busy with a statement. */
const CANCEL_TIMEOUT_MS = 5_000;
