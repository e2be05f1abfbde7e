/**
 * Writes PostgreSQL's binary COPY format: rows of typed fields enter, one Buffer leaves. Binary COPY is the
 * quickest way into a table by far (see the README), and a payload needs no escaping in it.
 * Source: PostgreSQL manual, COPY, "Binary Format".
 */
export class CopyEncoder {
  #buffer: Buffer;
  #length: number;

  /** @param bytesExpected a guess at the size of the result; the buffer grows where it was too low. */
  constructor(bytesExpected: number) {
    this.#buffer = Buffer.allocUnsafe(Math.max(bytesExpected, 1024));
    SIGNATURE.copy(this.#buffer);
    this.#length = SIGNATURE.length;
  }

  /** Begins a row; exactly `fields` values have to follow. */
  row(fields: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(fields, this.#length);
  }

  null(): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(-1, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(4 + value.length);
    this.#length = this.#buffer.writeInt32BE(value.length, this.#length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** For `text`, `json` and every other type whose binary form is its text in UTF-8. */
  text(value: string): void {
    // UTF-8 needs at most three bytes for each UTF-16 unit.
    this.#reserve(4 + value.length * 3);
    const written = this.#buffer.write(value, this.#length + 4);
    this.#buffer.writeInt32BE(written, this.#length);
    this.#length += 4 + written;
  }

  bigint(value: bigint): void {
    this.#reserve(12);
    this.#length = this.#buffer.writeInt32BE(8, this.#length);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  /** For `timestamptz`: microseconds since 2000-01-01. */
  timestamp(millisecondsSinceUnixEpoch: number): void {
    this.bigint(BigInt(Math.round((millisecondsSinceUnixEpoch - POSTGRES_EPOCH_MS) * 1000)));
  }

  /** Ends the data and gives it away; the encoder must not be used afterwards. */
  finish(): Buffer {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(-1, this.#length);
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** The eleven bytes that open the format, then two empty 32-bit words: flags and header extension. */
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
