/**
 * Sends several statements, with the data of a COPY among them, as one message with one answer. Under load a
 * transaction mostly waits for the event loop, once for each answer; a script waits once instead of four times.
 *
 * A query object for `pg`, as in pg-cursor and pg-copy-streams. A server that failed before the COPY ignores the data.
 * Source: PostgreSQL manual, "Message Flow": Simple Query with multiple statements; COPY Operations.
 */
import { trace } from "@opentelemetry/api";
import type pg from "pg";

/** Values of messages must not enter traces. */
function withoutValues(text: string): string {
  return text.replace(/'(?:[^']|'')*'|\b\d+\b/g, "?");
}

export type ScriptRows = (string | null)[][];

/**
 * Values in `text` must be constants or escaped literals: the simple protocol has no parameters.
 * @param data of the one `COPY … FROM STDIN` in the text.
 */
export function runScript(client: pg.ClientBase, text: string, data?: Buffer): Promise<ScriptRows> {
  return new Promise((resolve, reject) => {
    client.query(new Script(text, data, resolve, reject) as unknown as pg.Submittable);
  });
}

/** @throws if PostgreSQL rolled back, because an earlier statement failed. */
export async function runCommit(client: pg.ClientBase, text: string): Promise<void> {
  let script: Script | undefined;
  await new Promise<ScriptRows>((resolve, reject) => {
    script = new Script(text, undefined, resolve, reject);
    client.query(script as unknown as pg.Submittable);
  });
  if (script?.lastCommand === "ROLLBACK") {
    throw new Error("the transaction was rolled back, because a statement in it had failed");
  }
}

export async function runCopyOut(client: pg.ClientBase, text: string): Promise<Buffer> {
  const parts = new Parts();
  await new Promise<ScriptRows>((resolve, reject) => {
    client.query(new Script(text, undefined, resolve, reject, parts) as unknown as pg.Submittable);
  });
  // The next answer probably has the same size.
  expectedBytes = Math.min(parts.bytes.length, EXPECTED_BYTES_MAX);
  return parts.bytes;
}

let expectedBytes = 0;

/** Copies chunks, because `pg` reuses their memory. */
class Parts {
  #buffer = Buffer.allocUnsafeSlow(expectedBytes + PART_BYTES_MIN);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  add(part: Buffer): void {
    const needed = this.#length + part.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(part, this.#length);
    this.#length = needed;
  }
}

class Script {
  /** What instrumentation of `pg` shows. */
  readonly text: string;
  readonly #text: string;
  readonly #data: Buffer | undefined;
  readonly #resolve: (rows: ScriptRows) => void;
  readonly #reject: (error: Error) => void;
  readonly #rows: ScriptRows = [];
  readonly #copied: Parts | undefined;
  lastCommand = "";

  constructor(
    text: string,
    data: Buffer | undefined,
    resolve: (rows: ScriptRows) => void,
    reject: (error: Error) => void,
    copied?: Parts,
  ) {
    this.#copied = copied;
    this.#text = text;
    this.text = trace.getActiveSpan() ? withoutValues(text) : text;
    this.#data = data;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** `pg` replaces this if a query timeout is set. */
  callback = (): void => {};

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    stream.cork();
    connection.query(this.#text);
    if (this.#data) {
      const header = Buffer.allocUnsafe(5);
      header[0] = COPY_DATA;
      header.writeUInt32BE(this.#data.length + 4, 1);
      stream.write(header);
      stream.write(this.#data);
      stream.write(COPY_DONE);
    }
    stream.uncork();
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#rows.push(message.fields);
  }

  handleReadyForQuery(): void {
    this.callback();
    this.#resolve(this.#rows);
  }

  handleError(error: Error): void {
    this.callback();
    this.#reject(error);
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    this.#copied?.add(chunk);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.lastCommand = text;
  }

  handleRowDescription(): void {}
  handleCopyInResponse(): void {}
  handleEmptyQuery(): void {}
}

const PART_BYTES_MIN = 64 * 1024;
const EXPECTED_BYTES_MAX = 16 * 1024 * 1024;
const COPY_DATA = "d".charCodeAt(0);
const COPY_DONE = Buffer.from([..."c\0\0\0\x04"].map((character) => character.charCodeAt(0)));
