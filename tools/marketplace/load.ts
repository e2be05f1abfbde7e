/**
 * Users who buy at the same time: each fills a cart, checks out, and then pays, cancels, or leaves the order to itself.
 * Together they want more than there is, so that some adds and checkouts are refused.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { SeededRandom } from "../domains/random.ts";
import { type Clients, untilAnswered } from "./clients.ts";

/** One checkout as its user knows of it. */
export type Purchase = Readonly<{
  user: bigint;
  /** How many of each SKU were put into the cart. */
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
  /** What no user may see. */
  errors: readonly string[];
  seconds: number;
}>;

export type LoadOptions = Readonly<{
  checkouts: number;
  /** How many users buy at the same time. */
  users: number;
  seed: number;
  skus: readonly number[];
  onProgress: (done: number) => void;
  signal: AbortSignal;
}>;

export async function runLoad(clients: Clients, options: LoadOptions): Promise<LoadReport> {
  const { checkouts, users, seed, onProgress, signal } = options;
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
        errors.push(ConnectError.from(error).message);
      }
      refusedAdds += shopper.takeRefusedAdds();
      onProgress(Math.min(begunCheckouts, checkouts));
    }
  };
  await Promise.all(Array.from({ length: users }, (_none, index) => shop(index)));
  return { purchases, refusedAdds, errors, seconds: (performance.now() - begun) / 1000 };
}

/** One user with one cart, who goes to either process of cart. */
class Shopper {
  readonly #clients: Clients;
  readonly #skus: readonly number[];
  readonly #user: bigint;
  readonly #random: SeededRandom;
  #refusedAdds = 0;

  constructor(clients: Clients, { skus }: Pick<LoadOptions, "skus">, user: bigint, seed: number) {
    this.#clients = clients;
    this.#skus = skus;
    this.#user = user;
    this.#random = new SeededRandom(seed % 2 ** 32);
  }

  /** @returns undefined if nothing that the user wanted is in stock. */
  async buy(): Promise<Purchase | undefined> {
    const [user, random] = [this.#user, this.#random];
    const items = await this.#fillCart();
    if (items.size === 0) return undefined;
    const end = random.pick(ENDS);
    const cart = random.pick(this.#clients.carts);
    const begun = performance.now();
    const order = await ifNotRefused(untilAnswered((options) => cart.checkout({ user }, options)));
    const seconds = (performance.now() - begun) / 1000;
    if (order === undefined) {
      await untilAnswered((options) => cart.clear({ user }, options));
      return { user, items, orderId: undefined, end: "left", seconds };
    }
    const { loms } = this.#clients;
    const { orderId } = order;
    if (end === "payed") await untilAnswered((options) => loms.orderPay({ orderId }, options));
    if (end === "cancelled") await untilAnswered((options) => loms.orderCancel({ orderId }, options));
    return { user, items, orderId, end, seconds };
  }

  takeRefusedAdds(): number {
    const refused = this.#refusedAdds;
    this.#refusedAdds = 0;
    return refused;
  }

  async #fillCart(): Promise<Map<number, number>> {
    const [user, random] = [this.#user, this.#random];
    const items = new Map<number, number>();
    const wanted = new Set(
      Array.from({ length: 1 + Math.floor(random.random() * 2) }, () => random.pick(this.#skus)),
    );
    for (const sku of wanted) {
      const count = 1 + Math.floor(random.random() * 2);
      const cart = random.pick(this.#clients.carts);
      const added = untilAnswered((options) => cart.itemAdd({ user, sku, count }, options));
      if ((await ifNotRefused(added)) === undefined) this.#refusedAdds += 1;
      else items.set(sku, count);
    }
    return items;
  }
}

/** @returns undefined for FAILED_PRECONDITION. */
async function ifNotRefused<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (ConnectError.from(error).code === Code.FailedPrecondition) return undefined;
    throw error;
  }
}

/** Half of what is ordered is given back, so that the stock lasts. */
const ENDS: readonly Purchase["end"][] = ["payed", "payed", "cancelled", "cancelled", "cancelled", "left"];

/** Above the users of the scenario. */
const FIRST_USER = 100_000n;

/** More of them say nothing new. */
const ERRORS_MAX = 10;
