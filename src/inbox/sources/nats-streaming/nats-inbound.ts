/**
 * Reads whole messages from what a NATS connection received, before the library does: the library copies 4,096 bytes
 * into a text for each message, only to match a line of about sixty. Everything else is left to it: other lines, and
 * messages of which a part is missing. Source: NATS client protocol, MSG.
 */

/** The library's, of version 1.4. */
export type Inbound = {
  /** Received and not yet read; null after the close. */
  inbound: Buffer | null;
  closed: boolean;
  /** Of the message that is being read. */
  payload: { psize: number } | LibraryMessage | null;
  processInbound: () => void;
  /** Delivers `payload`. */
  processMsg: () => void;
};

type LibraryMessage = {
  subj: string | undefined;
  sid: number;
  reply: string | undefined;
  size: number;
  psize: number;
  msg: Buffer;
};

/** Messages are delivered as bytes. A second call changes nothing. */
export function readWholeMessages(connection: Inbound): void {
  if (Object.hasOwn(connection, "processInbound")) return;
  const readByLibrary = connection.processInbound;
  connection.processInbound = () => {
    const { inbound, payload } = connection;
    if (inbound && payload && payload.psize < inbound.length) {
      connection.inbound = inbound.subarray(0, payload.psize);
      readByLibrary.call(connection);
      if (!connection.closed) connection.inbound = inbound.subarray(payload.psize);
    }
    while (readMessage(connection));
    if (connection.inbound) readByLibrary.call(connection);
  };
}

/** @returns false if no whole message comes next. */
function readMessage(connection: Inbound): boolean {
  const { inbound, payload } = connection;
  if (!inbound || payload || inbound[0] !== LETTER_M) return false;
  const end = inbound.indexOf(CARRIAGE_RETURN);
  const line = MESSAGE.exec(inbound.toString("latin1", 0, end + 2));
  if (!line) return false;
  const size = Number(line[4]);
  const start = end + 2;
  const psize = size + 2;
  if (inbound.length < start + psize) return false;
  connection.inbound = inbound.length === start + psize ? null : inbound.subarray(start + psize);
  const msg = inbound.subarray(start, start + size);
  connection.payload = { subj: line[1], sid: Number(line[2]), reply: line[3], size, psize, msg };
  connection.processMsg();
  connection.payload = null;
  return true;
}

const LETTER_M = 0x4d;
const CARRIAGE_RETURN = 0x0d;
/** The line of a message: subject, id of the subscription, perhaps a subject for replies, bytes. */
const MESSAGE = /^MSG (\S+) (\d+) (?:(\S+) )?(\d+)\r\n$/;
