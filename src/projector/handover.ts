/**
 * Keeps appended batches in memory, so that the projector need not read them back. A batch is used only if it begins at
 * the checkpoint; otherwise (another process appended, there was no room, the process just started) the projector reads
 * the table.
 */

import type { InboxRow, Message } from "../contract/message.ts";
import type { Appended } from "../inbox/append.ts";

type HandedOver = Readonly<{
  /** The domain's highest position before the rows. */
  after: bigint;
  /** Without a gap, lowest first. */
  rows: readonly InboxRow[];
}>;

export class Handover {
  #batches: HandedOver[] = [];
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  /** Slows appends down briefly while the projector lags: projecting from memory costs a third of reading back. */
  async waitForRoom(): Promise<void> {
    if (this.#bytes < BYTES_WANTED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS_MAX);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }

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

  /** About `rowsMax` rows that follow the checkpoint without a gap. */
  take(checkpoint: bigint, rowsMax: number): readonly InboxRow[] {
    let position = checkpoint;
    let taken: readonly InboxRow[] = [];
    for (;;) {
      const batch = this.#batches[0];
      if (!batch || batch.after > position) return taken;
      const follows = batch.after === position;
      if (follows && taken.length > 0 && taken.length + batch.rows.length > rowsMax) return taken;
      this.#drop(batch);
      if (!follows) continue;
      taken = taken.length === 0 ? batch.rows : [...taken, ...batch.rows];
      position = endOf(batch);
    }
  }

  /** Drops what another process projected up to the checkpoint, so that appends do not wait for it. */
  forget(checkpoint: bigint): void {
    for (let batch = this.#batches[0]; batch && endOf(batch) <= checkpoint; batch = this.#batches[0])
      this.#drop(batch);
  }

  /** @param batch the first one. */
  #drop(batch: HandedOver): void {
    this.#batches.shift();
    this.#bytes -= bytesOf(batch);
    for (const resolve of this.#waiting) resolve();
  }

  #keep(batch: HandedOver): void {
    const bytes = bytesOf(batch);
    if (this.#bytes + bytes > BYTES_MAX) return;
    this.#batches.push(batch);
    this.#bytes += bytes;
  }
}

function endOf({ after, rows }: HandedOver): bigint {
  return rows.at(-1)?.position ?? after;
}

function bytesOf(batch: HandedOver): number {
  return batch.rows.reduce((sum, row) => sum + row.payload.length + ROW_OVERHEAD_BYTES, 0);
}

/** Beside the payload. */
const ROW_OVERHEAD_BYTES = 400;

/** One batch in projection, and the next. */
const BYTES_WANTED = 10 * 1024 * 1024;

/** Five batches. A failing projector delays appends no longer. */
const WAIT_MS_MAX = 250;

/** Bridges a slow commit. */
const BYTES_MAX = 32 * 1024 * 1024;
