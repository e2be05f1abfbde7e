/** A stand-in for the inbox: holds offered messages until the test commits them. */
import type { Message, Receipt } from "../../src/contract/message.ts";
import type { Sink } from "../../src/contract/source.ts";

export type Offer = Readonly<{ message: Message; committed: (receipt: Receipt) => void }>;

export class TestSink implements Sink {
  failure: string | undefined;
  hasRoom = true;
  refusals = 0;
  /** How often a source asked for room. */
  asked = 0;
  readonly offers: Offer[] = [];
  readonly positions = new Map<string, bigint>();

  offer(message: Message, committed: (receipt: Receipt) => void): boolean {
    if (this.hasRoom) this.offers.push({ message, committed });
    else this.refusals += 1;
    return this.hasRoom;
  }

  hasRoomFor(): boolean {
    this.asked += 1;
    return this.hasRoom;
  }

  async settled(): Promise<void> {}

  commit({ message: { messageId }, committed }: Offer): void {
    const known = this.positions.get(messageId);
    const position = known ?? BigInt(this.positions.size + 1);
    this.positions.set(messageId, position);
    committed({ position, isNew: known === undefined });
  }

  commitAll(): void {
    for (const offer of this.offers.slice()) this.commit(offer);
  }

  payloads(): string[] {
    return this.offers.map(({ message }) => message.payload.toString());
  }
}
