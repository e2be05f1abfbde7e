/**
 * Reads PostgreSQL's binary COPY format: the bytes of a `COPY … TO STDOUT` enter, rows of typed fields leave. Texts and
 * numbers are not written out and parsed again, and a payload is a part of what came from the server: a quarter of what
 * the same rows cost as the answer of a query.
 * Source: PostgreSQL manual, COPY, "Binary Format".
 */

/** One row at a time: exactly its fields have to be read, in their order. */
export class CopyDecoder {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at: number;

  /** @param bytes of a whole COPY. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = HEADER_BYTES;
  }

  /** Goes on to the next row. @returns false where there is none. */
  next(): boolean {
    const fields = this.#view.getInt16(this.#at);
    this.#at += 2;
    return fields !== END;
  }

  /** A part of the bytes that were given; undefined for null. */
  bytes(): Buffer | undefined {
    const length = this.#view.getInt32(this.#at);
    this.#at += 4;
    if (length < 0) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string | undefined {
    return this.bytes()?.toString();
  }

  bigint(): bigint {
    this.#at += 12;
    return this.#view.getBigInt64(this.#at - 8);
  }

  /** For `float8`; undefined for null. */
  number(): number | undefined {
    const length = this.#view.getInt32(this.#at);
    this.#at += 4;
    if (length < 0) return undefined;
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }
}

/** A signature, flags, and an extension that no version has yet. */
const HEADER_BYTES = 19;

/** What stands in the place of a row's number of fields after the last one. */
const END = -1;
