/**
 * Random commands against a naive loms, which keeps every order in a list and adds up the stock each time it is asked. It
 * shares no code with the domain.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Asked, cancel, LomsInMemory, order, pay, stock, tick } from "../../support/loms/loms.ts";
import { randomOf } from "../../support/random.ts";

const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const compare = suite(`a naive loms (seed ${SEED})`);

compare("decides the same, and has the same orders and stocks after every command", () => {
  const random = randomOf(SEED);
  const seen = new Set<string>();
  const isAllSeen = () => SEEN.every((kind) => seen.has(kind));
  for (let run = 0; run < RUNS || (run < RUNS_MAX && !isAllSeen()); run++) {
    const loms = new LomsInMemory();
    const naive = new NaiveLoms();
    for (let count = 0, at = 0; count < COMMANDS; count++) {
      at += Math.floor(random() * (random() < 0.02 ? 900 : 40)) - 3;
      const command = { ...randomCommand(random, naive.orders.length), at };
      const when = `${run}/${count}: ${JSON.stringify(command)}`;
      const { decided, expired } = loms.ask(command);
      assert.is(decided.reason, naive.ask(command), when);
      seen.add(`${command.type} ${decided.reason}`);
      if (expired > 0) seen.add("expired");
      for (const [index, { status }] of naive.orders.entries())
        assert.is(loms.state.order(BigInt(index + 1))?.status, status, when);
      for (const sku of SKUS) {
        const found = loms.state.stock(sku);
        assert.equal(found && [found.total, found.reserved], naive.stock(sku), when);
      }
    }
  }
  // Chance must have come by everything that is worth comparing.
  for (const kind of SEEN) assert.ok(seen.has(kind), `never seen: ${kind}`);
});

compare.run();

function randomCommand(random: () => number, orders: number): Asked {
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  const kind = random();
  if (kind < 0.1) return stock(SKUS[upTo(3) - 1] as number, upTo(60), upTo(20) - 1);
  if (kind < 0.15) return tick(0);
  if (kind < 0.35) return pay(upTo(orders + 1));
  if (kind < 0.55) return cancel(upTo(orders + 1));
  return order(Array.from({ length: upTo(4) }, () => ({ sku: SKUS[upTo(4) - 1], count: upTo(9) })));
}

type NaiveOrder = { at: number; items: { sku: number; count: number }[]; status: string };

class NaiveLoms {
  readonly orders: NaiveOrder[] = [];
  /** What was put last, and how many orders were payed by then. */
  readonly #given = new Map<number, { total: number; reserved: number; payed: number }>();
  #now = 0;

  stock(sku: number): [total: number, reserved: number] | undefined {
    const given = this.#given.get(sku);
    return (
      given && [
        given.total - (this.#sum(sku, "payed") - given.payed),
        given.reserved + this.#sum(sku, "awaiting payment"),
      ]
    );
  }

  /** @returns why it is declined. */
  ask(command: Asked): string | undefined {
    this.#now = Math.max(this.#now, command.at ?? 0);
    for (const one of this.orders)
      if (one.status === "awaiting payment" && this.#now - one.at >= 600) one.status = "cancelled";
    const { type, sku, total, reserved, items } = command as unknown as Record<string, number> & {
      items: NaiveOrder["items"];
      type: string;
    };
    if (type === "stock.put") {
      if ((total as number) < this.#sum(sku as number, "awaiting payment")) return "reserved_by_orders";
      const payed = this.#sum(sku as number, "payed");
      this.#given.set(sku as number, { total: total as number, reserved: reserved as number, payed });
    }
    if (type === "order.create") return this.#create(items);
    if (type !== "order.pay" && type !== "order.cancel") return undefined;
    const found = this.orders[Number(command.order) - 1];
    const status = type === "order.pay" ? "payed" : "cancelled";
    if (!found) return "order_not_found";
    if (found.status !== status && found.status !== "awaiting payment") return "wrong_status";
    found.status = status;
    return undefined;
  }

  #create(items: NaiveOrder["items"]): string | undefined {
    const one = { at: this.#now, items, status: "failed" };
    this.orders.push(one);
    if (items.some(({ sku }) => !this.#given.has(sku))) return "unknown_sku";
    one.status = "awaiting payment";
    for (const { sku } of items) {
      const [total, reserved] = this.stock(sku) as [number, number];
      const own = items.filter((item) => item.sku === sku).reduce((sum, { count }) => sum + count, 0);
      if (total - (reserved - own) >= own) continue;
      one.status = "failed";
      return "insufficient_stock";
    }
    return undefined;
  }

  #sum(sku: number, status: string): number {
    return this.orders
      .filter((one) => one.status === status)
      .flatMap((one) => one.items)
      .filter((item) => item.sku === sku)
      .reduce((sum, { count }) => sum + count, 0);
  }
}

const SKUS = [1002, 1003, 4_294_967_295, 7];
const RUNS = 20;
/** Chance comes by every case in most runs; so many runs never miss one. */
const RUNS_MAX = 300;
const COMMANDS = 300;
const SEEN = [
  "expired",
  ...["order.create", "order.pay", "order.cancel", "stock.put", "tick"].map((type) => `${type} undefined`),
  ...["unknown_sku", "insufficient_stock"].map((reason) => `order.create ${reason}`),
  ...["order_not_found", "wrong_status"].flatMap((reason) => [
    `order.pay ${reason}`,
    `order.cancel ${reason}`,
  ]),
  "stock.put reserved_by_orders",
];
