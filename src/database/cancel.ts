/** Cancels the running statement of a connection, over another connection. */
import { connect } from "node:net";
import type pg from "pg";

/**
 * The statement fails with SQLSTATE 57014; a lost request changes nothing. Source: PostgreSQL manual, "Canceling
 * Requests in Progress", CancelRequest.
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
  // The server closes the connection; PgBouncer drops the request if the client closes first.
  socket.write(request);
  socket.resume();
}

type Cancellable = Readonly<{ host: string; port: number; processID: number | null; secretKey?: number }>;

/** 1234 in the upper half and 5678 in the lower. */
const CANCEL_REQUEST = 80_877_102;

/** A slower server is unreachable rather than busy. */
const CANCEL_TIMEOUT_MS = 5_000;
