/**
 * Bounds the buffered bytes of all inboxes. Half is divided equally, so that one domain under load cannot starve the
 * others; the other half is first come, first served.
 */
export class ByteBudget {
  readonly bytesMax: number;
  readonly #shares: ByteShare[] = [];

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Call it for all inboxes before any takes a message. */
  share(): ByteShare {
    const share = new ByteShare(this);
    this.#shares.push(share);
    return share;
  }

  get heldBytes(): number {
    return this.#shares.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** @internal */
  hasRoom(asking: ByteShare, bytes: number): boolean {
    const guaranteed = this.bytesMax / 2 / this.#shares.length;
    if (asking.heldBytes + bytes <= guaranteed) return true;
    const excess = (held: number) => Math.max(0, held - guaranteed);
    const others = this.#shares.reduce(
      (sum, share) => (share === asking ? sum : sum + excess(share.heldBytes)),
      0,
    );
    return others + excess(asking.heldBytes + bytes) <= this.bytesMax / 2;
  }
}

export class ByteShare {
  readonly #budget: ByteBudget;
  #held = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#held;
  }

  hasRoom(bytes: number): boolean {
    return this.#budget.hasRoom(this, bytes);
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}
