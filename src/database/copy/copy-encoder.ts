/**
 * Reuses buffers, because allocating megabytes for each batch would cost more than the encoding.
 * @param send settles when the server has answered; the data stays unchanged until then.
 */
export async function withCopyData<T>(
  encode: (rows: CopyEncoder) => void,
  send: (data: Buffer) => Promise<T>,
): Promise<T> {
  const encoder = idle.pop() ?? new CopyEncoder();
  try {
    encoder.begin();
    encode(encoder);
    encoder.end();
    return await send(encoder.data);
  } finally {
    if (encoder.capacity <= KEPT_BYTES_MAX && idle.length < KEPT_MAX) idle.push(encoder);
  }
}

/**
 * Encodes PostgreSQL's binary COPY format, by far the fastest way into a table (see docs/guarantees.md); payloads need
 * no escaping. Source: PostgreSQL manual, COPY, "Binary Format".
 */
export class CopyEncoder {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** V8 inlines writes through a view. */
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  readonly #constants = new Map<string, Buffer>();

  /** Valid until the encoder is used again. */
  get data(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  begin(): void {
    SIGNATURE.copy(this.#buffer);
    this.#length = SIGNATURE.length;
    this.#constants.clear();
  }

  row(fields: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#length, fields);
    this.#length += 2;
  }

  null(): void {
    this.#reserve(4);
    this.#view.setInt32(this.#length, -1);
    this.#length += 4;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(4 + value.length);
    this.#view.setInt32(this.#length, value.length);
    this.#buffer.set(value, this.#length + 4);
    this.#length += 4 + value.length;
  }

  /** For `text`, `json` and other types whose binary form is UTF-8 text. */
  text(value: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.#reserve(4 + value.length * 3);
    const written = this.#buffer.write(value, this.#length + 4);
    this.#view.setInt32(this.#length, written);
    this.#length += 4 + written;
  }

  /** For `jsonb`: its version, then its text. */
  jsonb(text: string): void {
    this.text(`\x01${text}`);
  }

  /** Encoded once for each batch, for text that repeats. */
  constant(value: string): void {
    const field = this.#constants.get(value);
    if (!field) {
      const start = this.#length;
      this.text(value);
      this.#constants.set(value, Buffer.from(this.#buffer.subarray(start, this.#length)));
      return;
    }
    this.#reserve(field.length);
    this.#buffer.set(field, this.#length);
    this.#length += field.length;
  }

  bigint(value: bigint): void {
    this.#reserve(12);
    this.#view.setInt32(this.#length, 8);
    this.#view.setBigInt64(this.#length + 4, value);
    this.#length += 12;
  }

  integer(value: number): void {
    this.#reserve(8);
    this.#int32(4);
    this.#int32(value);
  }

  /** Whole numbers in base 10,000, highest digit first. */
  numeric(value: bigint): void {
    const groups: number[] = [];
    for (let rest = value < 0n ? -value : value; rest > 0n; ) {
      // Ten times faster than bigint, and enough for most values.
      if (rest <= Number.MAX_SAFE_INTEGER) {
        for (let small = Number(rest); small > 0; small = Math.floor(small / NUMERIC_BASE))
          groups.push(small % NUMERIC_BASE);
        break;
      }
      groups.push(Number(rest % BigInt(NUMERIC_BASE)));
      rest /= BigInt(NUMERIC_BASE);
    }
    this.#reserve(12 + 2 * groups.length);
    this.#int32(8 + 2 * groups.length);
    this.#int16(groups.length);
    this.#int16(groups.length - 1);
    this.#int16(value < 0n ? NUMERIC_NEGATIVE : 0);
    this.#int16(0);
    for (const group of groups.reverse()) this.#int16(group);
  }

  /** For `timestamptz`: microseconds since 2000-01-01. */
  timestamp(millisecondsSinceUnixEpoch: number): void {
    this.bigint(BigInt(Math.round((millisecondsSinceUnixEpoch - POSTGRES_EPOCH_MS) * 1000)));
  }

  end(): void {
    this.#reserve(2);
    this.#view.setInt16(this.#length, -1);
    this.#length += 2;
  }

  #int16(value: number): void {
    this.#view.setInt16(this.#length, value);
    this.#length += 2;
  }

  #int32(value: number): void {
    this.#view.setInt32(this.#length, value);
    this.#length += 4;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const idle: CopyEncoder[] = [];

/** An append and a projection for each of two domains. */
const KEPT_MAX = 4;

/** A full batch of large messages. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;
const INITIAL_BYTES = 64 * 1024;

/** The signature, then two empty 32-bit words: flags and header extension. */
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
/** From `numeric_send` in PostgreSQL's src/backend/utils/adt/numeric.c. */
const NUMERIC_BASE = 10_000;
const NUMERIC_NEGATIVE = 0x4000;
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
