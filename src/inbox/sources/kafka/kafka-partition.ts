/**
 * One partition that is assigned to this process: from which offset it is read on, what was read and waits for room, and
 * up to which offset everything is in the inbox. Offsets have holes (aborted transactions, markers, compaction), so the
 * last of these is not a count but the lowest offset that is still on its way.
 */
import type { Message } from "../../../contract/message.ts";
import type { Sink } from "../../../contract/source.ts";

export type FetchedMessage = Readonly<{ offset: number; message: Message }>;

export class KafkaPartition {
  readonly index: number;
  /** The offset behind the last one that the broker lets readers see, as far as it has said. */
  end = 0;
  /** The offset that the group has stored; -1 where it has none. */
  stored: number;
  #position: number;
  #fetched: FetchedMessage[] = [];
  /** Of `#fetched`: how many were offered. */
  #taken = 0;
  /** Offered and in their order; those before `#first` are committed and only not removed yet. */
  #offered: { offset: number; isCommitted: boolean }[] = [];
  #first = 0;

  constructor(index: number, position: number, stored: number) {
    this.index = index;
    this.#position = position;
    this.stored = stored;
  }

  /** The offset to read next. */
  get position(): number {
    return this.#position;
  }

  /** Whether something was read that found no room yet. */
  get isWaiting(): boolean {
    return this.#taken < this.#fetched.length;
  }

  /** Everything below is in the inbox. */
  get done(): number {
    return this.#offered[this.#first]?.offset ?? this.#fetched[this.#taken]?.offset ?? this.#position;
  }

  /** How many messages at the broker are not in the inbox yet, holes counted. */
  get lag(): number {
    return Math.max(0, this.end - this.done);
  }

  /** Reads on elsewhere: what lies between is gone, or, where that is before, was replaced by other records. */
  jumpTo(position: number): void {
    // An offset that was offered may be another record's now; only what is read again says how far everything is done.
    if (position < this.#position) {
      this.#offered = [];
      this.#first = 0;
    }
    this.#position = position;
    this.stored = -1;
  }

  /** Takes what was read, in the order of its offsets, and goes on behind it. */
  take(fetched: FetchedMessage[], position: number): void {
    this.#fetched = fetched;
    this.#taken = 0;
    this.#position = position;
  }

  /**
   * Offers what was read for as long as there is room.
   * @param onCommitted is called after each commit.
   */
  offer(inbox: Sink, onCommitted: () => void): void {
    for (let next = this.#fetched[this.#taken]; next; next = this.#fetched[this.#taken]) {
      if (!inbox.hasRoomFor(next.message)) return;
      const offered = { offset: next.offset, isCommitted: false };
      const isTaken = inbox.offer(next.message, () => {
        offered.isCommitted = true;
        this.#forget();
        onCommitted();
      });
      if (!isTaken) return;
      this.#offered.push(offered);
      this.#taken++;
    }
    this.#fetched = [];
    this.#taken = 0;
  }

  #forget(): void {
    while (this.#offered[this.#first]?.isCommitted) this.#first++;
    if (this.#first < FORGOTTEN_AT_ONCE && this.#first < this.#offered.length) return;
    this.#offered.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Removing one at a time from the front of an array would copy it each time. */
const FORGOTTEN_AT_ONCE = 4_096;
