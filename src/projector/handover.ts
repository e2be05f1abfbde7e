/**
 * Batches that this process has just appended, kept in memory so that the projector need not read them back. A
 * batch is used only where it begins exactly at the checkpoint; whatever else holds (another process appended in
 * between, there was no room, this process has just started), the projector reads the table, which is the truth.
 */

import type { InboxRow, Message } from "../contract/message.ts";
import type { Appended } from "../inbox/append.ts";

type HandedOver = Readonly<{
  /** The domain's highest position before the first of the rows. */
  after: bigint;
  /** All rows of the domain above `after`, lowest first, up to the last of them. */
  rows: readonly InboxRow[];
}>;

export class Handover {
  #batches: HandedOver[] = [];
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Lets the appends wait a moment while the projector is behind: what it takes from memory costs it a third of what
   * it has to read back. A projector that makes no progress at all holds nothing up for longer than that moment.
   */
  async waitForRoom(): Promise<void> {
    if (this.#bytes < BYTES_WANTED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS_MAX);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }

  /** Keeps what an append added, where there is room. */
  put(messages: readonly Message[], { receipts, after, receivedAtMs }: Appended): void {
    if (after === undefined || receivedAtMs === undefined) return;
    const rows: InboxRow[] = [];
    for (const [index, { messageId, payload, headers, publishedAtMs, traceparent }] of messages.entries()) {
      const receipt = receipts[index];
      if (!receipt?.isNew) continue;
      const { position } = receipt;
      rows.push({
        position,
        messageId,
        payload,
        headersJson: headers,
        receivedAtMs,
        publishedAtMs,
        traceparent,
      });
    }
    this.#keep({ after, rows });
  }

  /** The rows that follow the checkpoint without a gap, about `rowsMax` of them; empty where it has none. */
  take(checkpoint: bigint, rowsMax: number): readonly InboxRow[] {
    let position = checkpoint;
    let taken: readonly InboxRow[] = [];
    for (;;) {
      const batch = this.#batches[0];
      if (!batch || batch.after > position) return taken;
      const follows = batch.after === position;
      if (follows && taken.length > 0 && taken.length + batch.rows.length > rowsMax) return taken;
      this.#batches.shift();
      this.#bytes -= bytesOf(batch);
      for (const resolve of this.#waiting) resolve();
      if (!follows) continue;
      taken = taken.length === 0 ? batch.rows : [...taken, ...batch.rows];
      position = batch.rows.at(-1)?.position ?? position;
    }
  }

  #keep(batch: HandedOver): void {
    const bytes = bytesOf(batch);
    if (this.#bytes + bytes > BYTES_MAX) return;
    this.#batches.push(batch);
    this.#bytes += bytes;
  }
}

function bytesOf(batch: HandedOver): number {
  return batch.rows.reduce((sum, row) => sum + row.payload.length + ROW_OVERHEAD_BYTES, 0);
}

/** What a row costs in memory beside its payload. */
const ROW_OVERHEAD_BYTES = 400;

/** Two full batches: one that is being projected and one that is ready when it is done. */
const BYTES_WANTED = 10 * 1024 * 1024;

/** Five batches of a projector that keeps up; one that has failed is not waited for. */
const WAIT_MS_MAX = 250;

/** A few full batches: enough to bridge a slow commit; beyond that the table is read. */
const BYTES_MAX = 32 * 1024 * 1024;
