/**
 * Users who buy at the same time: each fills a cart, checks out, and then pays, cancels, or leaves the order unpaid. Some
 * add to the cart while they check out; some pay and cancel at once. Together they want more than there is, so that some
 * adds and checkouts are refused. What a user is told is the journal that the services are compared with.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { SeededRandom } from "../domains/random.ts";
import { startNotices } from "../stack/notices.ts";
import { type CartClient, type Clients, type LomsClient, type Patience, untilAnswered } from "./clients.ts";

/** One checkout as its user knows of it. */
export type Purchase = Readonly<{
  user: bigint;
  /** How many of each SKU the order has to have. */
  items: ReadonlyMap<number, number>;
  /** Undefined if the order failed because too little was left. */
  orderId: bigint | undefined;
  end: "payed" | "cancelled" | "left";
  /** How long the checkout took. */
  seconds: number;
}>;

export type LoadReport = Readonly<{
  purchases: readonly Purchase[];
  /** Adds that were refused because too little was in stock. */
  refusedAdds: number;
  /** Answers that no user may get. */
  errors: readonly string[];
  seconds: number;
}>;

export type LoadOptions = Readonly<{
  checkouts: number;
  /** How many users buy at the same time. */
  users: number;
  seed: number;
  skus: readonly number[];
  /** Of these there is enough for all: no add may be refused. */
  plentiful?: ReadonlySet<number>;
  patience: Patience;
  /** How long a user rests after a purchase, at most. */
  restMs?: number;
  /** Called after each purchase. @param errors how many there are so far. */
  onProgress: (done: number, errors: number) => void;
  signal: AbortSignal;
}>;

export async function runLoad(clients: Clients, options: LoadOptions): Promise<LoadReport> {
  const { checkouts, users, seed, restMs = 0, onProgress, signal } = options;
  const begun = performance.now();
  const purchases: Purchase[] = [];
  const errors: string[] = [];
  let refusedAdds = 0;
  let begunCheckouts = 0;
  const shop = async (index: number) => {
    const shopper = new Shopper(clients, options, FIRST_USER + BigInt(index), seed + index);
    while (begunCheckouts < checkouts && errors.length < ERRORS_MAX && !signal.aborted) {
      begunCheckouts += 1;
      try {
        const purchase = await shopper.buy();
        if (purchase) purchases.push(purchase);
      } catch (error) {
        errors.push(`user ${FIRST_USER + BigInt(index)}: ${ConnectError.from(error).message}`);
      }
      refusedAdds += shopper.takeRefusedAdds();
      onProgress(Math.min(begunCheckouts, checkouts), errors.length);
      if (restMs > 0) await delay(shopper.random.random() * restMs, undefined, { signal }).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: users }, (_none, index) => shop(index)));
  return { purchases, refusedAdds, errors, seconds: (performance.now() - begun) / 1000 };
}

/** Cancels each order that its user left unpaid. @returns the purchases as they are then. */
export async function cancelLeft(
  { allLoms }: Clients,
  purchases: readonly Purchase[],
  patience: Patience,
): Promise<Purchase[]> {
  const ended: Purchase[] = [];
  using _notices = startNotices(() => `cancelling unpaid orders: ${ended.length} of ${purchases.length}`);
  for (const purchase of purchases) {
    const { end, orderId } = purchase;
    const isLeft = end === "left" && orderId !== undefined;
    if (isLeft)
      await untilAnswered(allLoms, (loms, options) => loms.orderCancel({ orderId }, options), patience);
    ended.push(isLeft ? { ...purchase, end: "cancelled" } : purchase);
  }
  return ended;
}

/** One user with one cart, who calls any process of cart and loms. */
class Shopper {
  readonly random: SeededRandom;
  readonly #clients: Clients;
  readonly #options: Pick<LoadOptions, "skus" | "plentiful" | "patience">;
  readonly #user: bigint;
  #refusedAdds = 0;

  constructor(
    clients: Clients,
    options: Pick<LoadOptions, "skus" | "plentiful" | "patience">,
    user: bigint,
    seed: number,
  ) {
    this.#clients = clients;
    this.#options = options;
    this.#user = user;
    this.random = new SeededRandom(seed % 2 ** 32);
  }

  /** @returns undefined if nothing that the user wanted is in stock. */
  async buy(): Promise<Purchase | undefined> {
    const user = this.#user;
    const held = await this.#fillCart();
    if (held.size === 0) return undefined;
    const late = this.random.random() < LATE_ADDS ? this.#pickOtherThan(held) : undefined;
    const begun = performance.now();
    const [order, isAdded] = await Promise.all([
      ifNotRefused(this.#call(this.#carts(), (cart, options) => cart.checkout({ user }, options))),
      late === undefined ? false : this.#add(late, 1),
    ]);
    const seconds = (performance.now() - begun) / 1000;
    const orderId = order?.orderId;
    let items: ReadonlyMap<number, number> = held;
    if (late !== undefined) {
      const wanted = isAdded ? new Map(held).set(late, 1) : held;
      items = await this.#compare(wanted, orderId);
    }
    if (orderId === undefined || late !== undefined)
      await this.#call(this.#carts(), (cart, options) => cart.clear({ user }, options));
    const end = orderId === undefined ? "left" : await this.#end(orderId);
    return { user, items, orderId, end, seconds };
  }

  takeRefusedAdds(): number {
    const refused = this.#refusedAdds;
    this.#refusedAdds = 0;
    return refused;
  }

  async #fillCart(): Promise<Map<number, number>> {
    const { skus } = this.#options;
    const items = new Map<number, number>();
    const wanted = new Set(
      Array.from({ length: 1 + Math.floor(this.random.random() * 2) }, () => this.random.pick(skus)),
    );
    for (const sku of wanted) {
      const count = 1 + Math.floor(this.random.random() * 2);
      if (await this.#add(sku, count)) items.set(sku, count);
    }
    return items;
  }

  /** @returns false if too little is in stock. */
  async #add(sku: number, count: number): Promise<boolean> {
    const user = this.#user;
    const added = this.#call(this.#carts(), (cart, options) => cart.itemAdd({ user, sku, count }, options));
    const isAdded = (await ifNotRefused(added)) !== undefined;
    if (!isAdded && this.#options.plentiful?.has(sku))
      throw new Error(`an add of SKU ${sku} was refused, though there is enough of it`);
    if (!isAdded) this.#refusedAdds += 1;
    return isAdded;
  }

  /**
   * What was added during a checkout is in its order or still in the cart, and nothing is in both.
   * @returns the items of the order.
   * @throws if something is lost or doubled.
   */
  async #compare(
    wanted: ReadonlyMap<number, number>,
    orderId: bigint | undefined,
  ): Promise<ReadonlyMap<number, number>> {
    const user = this.#user;
    const { allLoms } = this.#clients;
    const list = this.#call(this.#carts(), (cart, options) => cart.list({ user }, options));
    const inCart = (await ifNotFound(list))?.items ?? [];
    const ordered =
      orderId === undefined
        ? []
        : (await this.#call(allLoms, (loms, options) => loms.orderInfo({ orderId }, options))).items;
    const sum = new Map<number, number>();
    for (const { sku, count } of [...inCart, ...ordered]) sum.set(sku, (sum.get(sku) ?? 0) + count);
    if (textOf(sum) !== textOf(wanted)) {
      throw new Error(
        `${textOf(wanted)} was put into the cart, but order ${orderId ?? "(refused)"} and the cart have ${textOf(sum)}`,
      );
    }
    return new Map(ordered.map(({ sku, count }) => [sku, count]));
  }

  async #end(orderId: bigint): Promise<Purchase["end"]> {
    const { allLoms } = this.#clients;
    const pay = () => this.#call(allLoms, (loms, options) => loms.orderPay({ orderId }, options));
    const cancel = () => this.#call(allLoms, (loms, options) => loms.orderCancel({ orderId }, options));
    const end = this.random.pick(ENDS);
    if (end === "payed") await pay();
    if (end === "cancelled") await cancel();
    if (end !== "both") return end;
    const [payed, cancelled] = await Promise.all([ifNotRefused(pay()), ifNotRefused(cancel())]);
    if ((payed === undefined) === (cancelled === undefined))
      throw new Error(
        `order ${orderId} was ${payed ? "both" : "neither"} payed ${payed ? "and" : "nor"} cancelled`,
      );
    return payed ? "payed" : "cancelled";
  }

  #call<One extends CartClient | LomsClient, Answer>(
    clients: readonly One[],
    call: (client: One, options: Parameters<Parameters<typeof untilAnswered>[1]>[1]) => Promise<Answer>,
  ): Promise<Answer> {
    return untilAnswered(clients, call, this.#options.patience);
  }

  /** Both processes of cart, either one first. */
  #carts(): readonly CartClient[] {
    const [one, other] = this.#clients.carts;
    return this.random.random() < 0.5 ? [one, other] : [other, one];
  }

  #pickOtherThan(held: ReadonlyMap<number, number>): number | undefined {
    const others = this.#options.skus.filter((sku) => !held.has(sku));
    return others.length > 0 ? this.random.pick(others) : undefined;
  }
}

/** @returns undefined for FAILED_PRECONDITION. */
function ifNotRefused<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  return unless(Code.FailedPrecondition, answer);
}

/** @returns undefined for NOT_FOUND. */
function ifNotFound<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  return unless(Code.NotFound, answer);
}

async function unless<Answer>(code: Code, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (ConnectError.from(error).code === code) return undefined;
    throw error;
  }
}

function textOf(items: ReadonlyMap<number, number>): string {
  const sorted = [...items].sort(([one], [other]) => one - other);
  return sorted.map(([sku, count]) => `${count} × ${sku}`).join(", ") || "nothing";
}

/** Most of what is ordered is given back, so that the stock lasts. */
const ENDS = ["payed", "payed", "cancelled", "cancelled", "cancelled", "left", "both"] as const;

/** The share of checkouts during which their user adds to the cart. */
const LATE_ADDS = 0.2;

/** Above the users of the scenario. */
const FIRST_USER = 100_000n;

/** More of them say nothing new. */
const ERRORS_MAX = 10;
