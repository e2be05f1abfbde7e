/** Events of concurrent orders as loms sends them, one user per order. */
import { createHash, randomBytes } from "node:crypto";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom } from "../random.ts";

export type EventDocument = Readonly<{ order_id: string; user: string; status: string; moment: string }>;

export class NotificationsFactory extends SeededRandom implements MessageFactory {
  readonly #firstOrder: bigint;
  /** Of unfinished orders. */
  #open: EventDocument[] = [];
  #orders = 0;
  #seconds = 0;

  /** @param run determines the first order id; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex")) {
    super(seed);
    // Far above the ids of a service, which start at 1.
    const hash = createHash("sha256").update(run).digest();
    this.#firstOrder = (BigInt(hash.readUIntBE(0, 5)) + 1n) * 1_000_000n;
  }

  valid(): KitMessage {
    return messageOf(this.#next());
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const becomes = { outcome: "dead", code: "conflict", paths: ["/headers/message-id"] } as const;
    const event: EventDocument = JSON.parse(payload.toString());
    const moment = new Date(Date.parse(event.moment) + 1).toISOString();
    return { kind: "conflict", payload: Buffer.from(JSON.stringify({ ...event, moment })), key, becomes };
  }

  #next(): EventDocument {
    this.#seconds += 1;
    const moment = new Date(START_MS + this.#seconds * 1000).toISOString();
    const isNew = this.#open.length < OPEN_MIN || this.random() < 0.4;
    const event = isNew ? this.#newOrder(moment) : this.#change(this.pick(this.#open), moment);
    this.#open = this.#open.filter(({ order_id }) => order_id !== event.order_id);
    if (NEXT[event.status]) this.#open.push(event);
    return event;
  }

  #newOrder(moment: string): EventDocument {
    this.#orders += 1;
    const id = String(this.#firstOrder + BigInt(this.#orders));
    return { order_id: id, user: id, status: "new", moment };
  }

  #change(last: EventDocument, moment: string): EventDocument {
    return { ...last, status: this.pick(NEXT[last.status] ?? []), moment };
  }
}

/** As loms would send them; none for an invalid event. */
export function headersOfEvent(payload: Buffer): Readonly<Record<string, string>> {
  const { order_id: order, status = "" } = eventOf(payload) ?? {};
  const ordinal = PLACES.get(status);
  if (ordinal === undefined || typeof order !== "string" || !/^[1-9]\d{0,18}$/.test(order)) return {};
  return { "message-id": `kit/${order}/${ordinal}`, sequence: String(ordinal + 1) };
}

function eventOf(payload: Buffer): Partial<EventDocument> | undefined {
  try {
    return JSON.parse(payload.toString()) ?? undefined;
  } catch {
    return undefined;
  }
}

function messageOf(event: EventDocument): KitMessage {
  return {
    kind: "valid",
    payload: Buffer.from(JSON.stringify(event)),
    key: event.order_id,
    becomes: { outcome: "projected" },
  };
}

const NEXT: Readonly<Record<string, readonly string[]>> = {
  new: ["awaiting payment", "awaiting payment", "failed"],
  "awaiting payment": ["payed", "payed", "cancelled"],
};

/** Changes before each status. */
const PLACES: ReadonlyMap<string, number> = new Map([
  ["new", 0],
  ["awaiting payment", 1],
  ["failed", 1],
  ["payed", 2],
  ["cancelled", 2],
]);

const OPEN_MIN = 3;
const START_MS = Date.UTC(2026, 0, 1);
