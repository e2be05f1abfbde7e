/**
 * One assigned partition: the next offset, records that wait for room, and the offset that may be committed. Offsets
 * have gaps (aborted transactions, markers, compaction), so that is the lowest offset in flight. In this folder
 * "committed" means Kafka's committed offset; a record whose row is committed is "in the inbox".
 */
import type { Message } from "../../../contract/message.ts";
import type { Sink } from "../../../contract/source.ts";

export type FetchedMessage = Readonly<{ offset: number; message: Message }>;

export class Partition {
  readonly index: number;
  /** After the last readable record. */
  end = 0;
  /** -1 if there is none. */
  committed: number;
  #position: number;
  #fetched: FetchedMessage[] = [];
  /** The number of offered records in `#fetched`. */
  #taken = 0;
  /** Those before `#first` are in the inbox. */
  #offered: { offset: number; isInInbox: boolean }[] = [];
  #first = 0;

  constructor(index: number, position: number, committed: number) {
    this.index = index;
    this.#position = position;
    this.committed = committed;
  }

  get position(): number {
    return this.#position;
  }

  get isWaiting(): boolean {
    return this.#taken < this.#fetched.length;
  }

  /** Every record below it is in the inbox, so it may be committed. */
  get safeOffset(): number {
    return this.#offered[this.#first]?.offset ?? this.#fetched[this.#taken]?.offset ?? this.#position;
  }

  /** Gaps included. */
  get lag(): number {
    return Math.max(0, this.end - this.safeOffset);
  }

  /** Records in between are lost or, if the offset is lower, replaced by others. */
  seek(position: number): void {
    // An offered offset may hold another record now.
    if (position < this.#position) {
      this.#offered = [];
      this.#first = 0;
    }
    this.#position = position;
    this.committed = -1;
  }

  take(fetched: FetchedMessage[], position: number): void {
    this.#fetched = fetched;
    this.#taken = 0;
    this.#position = position;
  }

  /** @param onInInbox called for each record in the inbox. */
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

/** Removing them one by one would copy the array each time. */
const FORGOTTEN_AT_ONCE = 4_096;
