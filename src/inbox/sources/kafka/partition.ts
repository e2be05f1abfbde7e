/**
 * One partition that is assigned to this process: the offset to read next, the records that wait for room, and the offset
 * up to which everything is in the inbox. Offsets have holes (aborted transactions, markers, compaction), so that offset
 * is not a count but the lowest one still in flight. "Committed" means Kafka's committed offset in this folder; a record
 * whose row is committed is "in the inbox".
 */
import type { Message } from "../../../contract/message.ts";
import type { Sink } from "../../../contract/source.ts";

export type FetchedMessage = Readonly<{ offset: number; message: Message }>;

export class Partition {
  readonly index: number;
  /** The offset behind the last record that readers may see, as far as the broker has said. */
  end = 0;
  /** The offset that the group has committed; -1 if there is none. */
  committed: number;
  #position: number;
  #fetched: FetchedMessage[] = [];
  /** How many of `#fetched` were offered. */
  #taken = 0;
  /** Offered records in their order; those before `#first` are in the inbox and only not removed yet. */
  #offered: { offset: number; isInInbox: boolean }[] = [];
  #first = 0;

  constructor(index: number, position: number, committed: number) {
    this.index = index;
    this.#position = position;
    this.committed = committed;
  }

  /** The offset to read next. */
  get position(): number {
    return this.#position;
  }

  /** Whether a fetched record has not found room yet. */
  get isWaiting(): boolean {
    return this.#taken < this.#fetched.length;
  }

  /** The offset that may be committed: every record below it is in the inbox. */
  get safeOffset(): number {
    return this.#offered[this.#first]?.offset ?? this.#fetched[this.#taken]?.offset ?? this.#position;
  }

  /** Records at the broker that are not in the inbox yet, holes included. */
  get lag(): number {
    return Math.max(0, this.end - this.safeOffset);
  }

  /** Continues at another offset: the records between are gone or, if it lies before, were replaced by others. */
  seek(position: number): void {
    // An offset that was offered may be another record's now, so only what is read again counts.
    if (position < this.#position) {
      this.#offered = [];
      this.#first = 0;
    }
    this.#position = position;
    this.committed = -1;
  }

  /** Takes fetched records, in the order of their offsets, and the offset behind them. */
  take(fetched: FetchedMessage[], position: number): void {
    this.#fetched = fetched;
    this.#taken = 0;
    this.#position = position;
  }

  /**
   * Offers fetched records until one finds no room.
   * @param onInInbox called for each record when it is in the inbox.
   */
  offer(inbox: Sink, onInInbox: () => void): void {
    for (let next = this.#fetched[this.#taken]; next; next = this.#fetched[this.#taken]) {
      if (!inbox.hasRoomFor(next.message)) return;
      const offered = { offset: next.offset, isInInbox: false };
      const isTaken = inbox.offer(next.message, () => {
        offered.isInInbox = true;
        this.#forget();
        onInInbox();
      });
      if (!isTaken) return;
      this.#offered.push(offered);
      this.#taken++;
    }
    this.#fetched = [];
    this.#taken = 0;
  }

  #forget(): void {
    while (this.#offered[this.#first]?.isInInbox) this.#first++;
    if (this.#first < FORGOTTEN_AT_ONCE && this.#first < this.#offered.length) return;
    this.#offered.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Removing one at a time from the front of an array would copy the array each time. */
const FORGOTTEN_AT_ONCE = 4_096;
