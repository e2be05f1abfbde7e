/** What is published: a stream of good orders, broken messages, exact copies, and the same id with other content. */
import { InvalidInputError } from "../../src/contract/errors.ts";
import { makeGarbage } from "./garbage.ts";
import type { OrderDocument, OrderFactory } from "./orders.ts";

export type Mix = Readonly<{ garbage: number; duplicates: number; conflicts: number }>;

/** @throws InvalidInputError if the fractions are more than the whole. */
export function readMix({ garbage, duplicates, conflicts }: Mix): Mix {
  if (garbage + duplicates + conflicts > 1) {
    throw new InvalidInputError("garbage", "--garbage, --duplicates and --conflicts add up to more than 1");
  }
  return { garbage, duplicates, conflicts };
}

export type Load = Readonly<{
  kind: "order" | "garbage" | "duplicate" | "conflict";
  payload: Buffer;
  /** Of everything but garbage. */
  orderUid?: string;
  /** Of garbage: which kind. */
  garbageKind?: string;
}>;

/** Makes `count` messages. @param mix fractions of the whole. */
export function* makeLoad(factory: OrderFactory, count: number, mix: Mix): Generator<Load> {
  const recent: OrderDocument[] = [];
  for (let made = 0; made < count; made++) {
    const draw = factory.random();
    if (draw < mix.garbage) {
      const { payload, kind } = makeGarbage(factory);
      yield { kind: "garbage", payload, garbageKind: kind };
    } else if (draw < mix.garbage + mix.duplicates && recent.length > 0) {
      const order = factory.pick(recent);
      yield { kind: "duplicate", payload: toPayload(order), orderUid: order.order_uid };
    } else if (draw < mix.garbage + mix.duplicates + mix.conflicts && recent.length > 0) {
      const order = factory.pick(recent);
      const payload = toPayload({ ...order, customer_id: `${order.customer_id}-changed-${made}` });
      yield { kind: "conflict", payload, orderUid: order.order_uid };
    } else {
      const order = factory.next();
      if (recent.length < RECENT) recent.push(order);
      else recent[made % RECENT] = order;
      yield { kind: "order", payload: toPayload(order), orderUid: order.order_uid };
    }
  }
}

export function toPayload(order: object): Buffer {
  return Buffer.from(JSON.stringify(order));
}

/** Copies and conflicts are of orders that were made not long ago, as a sender's retry is. */
const RECENT = 500;
