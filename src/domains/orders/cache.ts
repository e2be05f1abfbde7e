/**
 * Orders in memory, as they are served. An order never changes, so an entry is never invalidated, only evicted.
 * The documents lie one after another in large slabs: that bounds the memory exactly, and a million of them are a
 * few hundred objects for the garbage collector instead of a million. When the bound is reached the oldest slab
 * goes as a whole; what is asked for again is read through and comes back at the new end.
 */
export type CachedOrder = {
  readonly document: Buffer;
  /** Made on the first read that needs it. */
  etag: string | undefined;
};

type Slab = { bytes: Buffer; used: number; ids: string[] };

export class OrderCache {
  readonly #bytesMax: number;
  readonly #slabBytes: number;
  readonly #orders = new Map<string, CachedOrder>();
  readonly #slabs: Slab[] = [];
  #bytes = 0;

  /** @param bytesMax what all slabs and the bookkeeping may take; 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#slabBytes = Math.max(SLAB_BYTES_MIN, Math.min(SLAB_BYTES_MAX, Math.floor(bytesMax / 16)));
  }

  get entries(): number {
    return this.#orders.size;
  }

  /** Bytes held, the bookkeeping of each entry included. */
  get bytes(): number {
    return this.#bytes;
  }

  get(orderUid: string): CachedOrder | undefined {
    return this.#orders.get(orderUid);
  }

  /** Adds an order, evicting the oldest where there is no room. */
  put(orderUid: string, document: Buffer): void {
    if (this.#orders.has(orderUid)) return;
    while (this.#bytesNeededFor(document) > this.#bytesMax - this.#bytes) {
      if (this.#slabs.length === 0) return;
      this.#evictOldest();
    }
    const slab = this.#slabFor(document) ?? this.#addSlab(document.length);
    slab.bytes.set(document, slab.used);
    const copy = slab.bytes.subarray(slab.used, slab.used + document.length);
    slab.used += document.length;
    slab.ids.push(orderUid);
    this.#bytes += ENTRY_OVERHEAD_BYTES;
    this.#orders.set(orderUid, { document: copy, etag: undefined });
  }

  /** Adds an order only where that evicts nothing. @returns false where the cache is full. */
  putIfRoom(orderUid: string, document: Buffer): boolean {
    if (this.#bytesNeededFor(document) > this.#bytesMax - this.#bytes) return false;
    this.put(orderUid, document);
    return true;
  }

  /** Lets go of everything: the orders themselves are others now. */
  clear(): void {
    this.#orders.clear();
    this.#slabs.length = 0;
    this.#bytes = 0;
  }

  #bytesNeededFor(document: Buffer): number {
    return ENTRY_OVERHEAD_BYTES + (this.#slabFor(document) ? 0 : Math.max(this.#slabBytes, document.length));
  }

  /** The slab that is being filled, where the document still fits into it. */
  #slabFor(document: Buffer): Slab | undefined {
    const newest = this.#slabs.at(-1);
    return newest && newest.used + document.length <= newest.bytes.length ? newest : undefined;
  }

  #addSlab(documentBytes: number): Slab {
    // Not from Node's shared pool: a slab must be freed when its entries are gone.
    const bytes = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, documentBytes));
    const slab = { bytes, used: 0, ids: [] };
    this.#slabs.push(slab);
    this.#bytes += bytes.length;
    return slab;
  }

  #evictOldest(): void {
    const slab = this.#slabs.shift();
    if (!slab) return;
    for (const id of slab.ids) this.#orders.delete(id);
    this.#bytes -= slab.bytes.length + slab.ids.length * ENTRY_OVERHEAD_BYTES;
  }
}

/** Map entry, id, the two small objects of an entry, and its ETag once it was asked for. Measured: 250 to 300. */
const ENTRY_OVERHEAD_BYTES = 300;
const SLAB_BYTES_MAX = 1024 * 1024;
const SLAB_BYTES_MIN = 16 * 1024;
