/** Realistic orders from a seeded faker. Ids are unique over all runs, even with one seed. */
import { randomBytes } from "node:crypto";
import { faker as english } from "@faker-js/faker/locale/en";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom, seededFaker } from "../random.ts";

export type OrderDocument = ReturnType<OrderFactory["next"]>;

export class OrderFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  readonly #people: ReturnType<OrderFactory["makePerson"]>[];
  readonly #goods: ReturnType<OrderFactory["makeGoods"]>[];
  #count = 0;
  #changes = 0;

  /** @param run part of every id; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex")) {
    super(seed, seededFaker(seed, english));
    this.#run = run;
    this.#people = Array.from({ length: POOL_SIZE }, () => this.makePerson());
    this.#goods = Array.from({ length: POOL_SIZE }, () => this.makeGoods());
  }

  valid(): KitMessage {
    const order = this.next();
    return {
      kind: "valid",
      payload: toPayload(order),
      key: order.order_uid,
      becomes: { outcome: "projected" },
    };
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const order = JSON.parse(payload.toString()) as OrderDocument;
    this.#changes += 1;
    const changed = { ...order, customer_id: `${order.customer_id}-changed-${this.#changes}` };
    return {
      kind: "conflict",
      payload: toPayload(changed),
      key,
      becomes: { outcome: "dead", code: "conflict", paths: ["/order_uid"] },
    };
  }

  next() {
    this.#count += 1;
    const orderUid = `${this.#run}${this.#count.toString(16).padStart(8, "0")}`;
    const trackNumber = `WB${orderUid.slice(-12).toUpperCase()}`;
    const { delivery, locale } = this.pick(this.#people);
    const items = Array.from({ length: 1 + Math.floor(this.random() ** 3 * 4) }, () => {
      const sale = Math.floor(this.random() * 60);
      const goods = this.pick(this.#goods);
      const totalPrice = Math.round((goods.price * (100 - sale)) / 100);
      return {
        ...goods,
        track_number: trackNumber,
        sale,
        total_price: totalPrice,
        rid: `${orderUid}${sale}`,
        status: 202,
      };
    });
    const goodsTotal = items.reduce((sum, item) => sum + item.total_price, 0);
    const deliveryCost = Math.floor(this.random() * 3_000);
    const createdAt = CREATED_FROM + Math.floor(this.random() * CREATED_RANGE_SECONDS);
    return {
      order_uid: orderUid,
      track_number: trackNumber,
      entry: "WBIL",
      delivery,
      payment: {
        transaction: orderUid,
        request_id: "",
        currency: this.pick(CURRENCIES),
        provider: this.pick(["wbpay", "stripe", "adyen", "paypal"]),
        amount: goodsTotal + deliveryCost,
        payment_dt: createdAt,
        bank: this.pick(["alpha", "sber", "ing", "bnp", "mufg"]),
        delivery_cost: deliveryCost,
        goods_total: goodsTotal,
        custom_fee: 0,
      },
      items,
      locale,
      internal_signature: "",
      customer_id: `customer-${Math.floor(this.random() * 100_000)}`,
      delivery_service: this.pick(["meest", "dhl", "ups", "dpd", "postnl"]),
      shardkey: String(Math.floor(this.random() * 10)),
      sm_id: Math.floor(this.random() * 100),
      date_created: new Date(createdAt * 1000).toISOString(),
      oof_shard: String(1 + Math.floor(this.random() * 2)),
    };
  }

  private makePerson() {
    const { faker } = this;
    return {
      delivery: {
        name: faker.person.fullName(),
        phone: faker.phone.number({ style: "international" }),
        zip: faker.location.zipCode(),
        city: faker.location.city(),
        address: faker.location.streetAddress(),
        region: faker.location.state(),
        email: faker.internet.email(),
      },
      locale: faker.helpers.arrayElement(["en", "de", "fr", "pl", "ja"]),
    };
  }

  private makeGoods() {
    const { faker } = this;
    return {
      chrt_id: faker.number.int({ min: 1_000_000, max: 99_999_999 }),
      price: faker.number.int({ min: 100, max: 250_000 }),
      name: faker.commerce.productName(),
      size: faker.helpers.arrayElement(["0", "S", "M", "L", "42"]),
      nm_id: faker.number.int({ min: 1_000_000, max: 99_999_999 }),
      brand: faker.company.name(),
    };
  }
}

export function toPayload(order: object): Buffer {
  return Buffer.from(JSON.stringify(order));
}

/** Generating a person costs fifty times as much as picking one. */
const POOL_SIZE = 300;

/** None, two and three decimals, to test their display. */
const CURRENCIES = ["USD", "EUR", "JPY", "KWD", "RUB", "PLN", "GBP", "CHF", "KRW", "BHD"] as const;
const CREATED_FROM = Date.UTC(2024, 0, 1) / 1000;
const CREATED_RANGE_SECONDS = 2 * 365 * 24 * 3600;
