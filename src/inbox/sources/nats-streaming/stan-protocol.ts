/**
 * The two messages of NATS Streaming's protocol that come once for each message of a channel: its delivery and its
 * acknowledgement. The library's code for them is generated for every use there is; it copies each payload three times and
 * leaves some twenty objects behind, which under load keep the garbage collector as busy as all the rest. Connecting,
 * subscribing, watching the connection and closing stay the library's.
 * Sources: NATS Streaming's protocol.proto (MsgProto, Ack); Protocol Buffers, "Encoding".
 */
import type { Stan, Subscription } from "node-nats-streaming";

export type Delivery = {
  sequence: number;
  /** Nanoseconds since the Unix epoch, as exactly as a number can say it: to 256 of them. */
  timestamp: number;
  isRedelivered: boolean;
  /** A part of the bytes that were given. */
  payload: Buffer;
};

/** Gives what a channel delivers as it came, to whoever decodes it; to be called before the client subscribes. */
export function receiveRaw(client: Stan, receive: (delivered: Buffer) => void): void {
  // Both are the library's own: an option of the client below it that cannot be passed through, and what it hands to that
  // client as the receiver of a subscription.
  const internals = client as unknown as {
    nc: { options: { preserveBuffers: boolean } };
    processMsg: () => (delivered: Buffer) => void;
  };
  internals.nc.options.preserveBuffers = true;
  internals.processMsg = () => receive;
}

/** Acknowledges a message of a subscription, unless its connection is gone. */
export function acknowledge(subscription: Subscription, channel: string, sequence: number): void {
  const { stanConnection, ackInbox } = subscription as unknown as {
    stanConnection: { nc: { publish: (subject: string, data: Buffer) => void } } | undefined;
    ackInbox: string;
  };
  stanConnection?.nc.publish(ackInbox, encodeAck(channel, sequence));
}

/** @throws RangeError where the bytes are no delivery. */
export function decodeDelivery(bytes: Buffer): Delivery {
  const delivery: Delivery = { sequence: 0, timestamp: 0, isRedelivered: false, payload: NOTHING };
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === PAYLOAD) delivery.payload = reader.bytes(reader.varint());
    else if (tag === SEQUENCE) delivery.sequence = reader.varint();
    else if (tag === TIMESTAMP) delivery.timestamp = reader.varint();
    else if (tag === REDELIVERED) delivery.isRedelivered = reader.varint() !== 0;
    else reader.skip(tag);
  }
  return delivery;
}

export function encodeAck(channel: string, sequence: number): Buffer {
  const channelBytes = Buffer.byteLength(channel);
  const bytes = Buffer.allocUnsafe(2 * (1 + VARINT_BYTES_MAX) + channelBytes);
  bytes[0] = ACK_CHANNEL;
  let at = writeVarint(bytes, 1, channelBytes);
  at += bytes.write(channel, at);
  bytes[at] = ACK_SEQUENCE;
  return bytes.subarray(0, writeVarint(bytes, at + 1, sequence));
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** An integer of up to 64 bits; above 2^53 the nearest number there is. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw cutOff();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      // Put together once, so that it is rounded once.
      if (byte < 0x80) return (high >>> 0) * 2 ** 32 + (low >>> 0);
    }
    throw new RangeError("an integer of a delivery is too long");
  }

  bytes(length: number): Buffer {
    const start = this.#at;
    this.#advance(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Passes over a field that is of no interest. */
  skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 2) this.#advance(this.varint());
    else if (wireType === 5) this.#advance(4);
    else throw new RangeError("a delivery has a field of no known type");
  }

  #advance(length: number): void {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw cutOff();
  }
}

function cutOff(): RangeError {
  return new RangeError("a delivery ends too early");
}

/** @returns the place after it. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let place = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[place++] = (rest % 0x80) | 0x80;
  bytes[place++] = rest;
  return place;
}

const NOTHING = Buffer.alloc(0);
const VARINT_BYTES_MAX = 10;

/** Numbers of fields times eight, and their wire types. */
const SEQUENCE = 0x08;
const PAYLOAD = 0x22;
const TIMESTAMP = 0x28;
const REDELIVERED = 0x30;
const ACK_CHANNEL = 0x0a;
const ACK_SEQUENCE = 0x10;
