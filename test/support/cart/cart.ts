/**
 * The cart in memory, for tests of its rules: given earlier commands and one new command, compares its decision and the
 * cart.
 */
import * as assert from "uvu/assert";
import { type Command, checkCommand } from "../../../src/domains/cart/commands.ts";
import { fold } from "../../../src/domains/cart/fold.ts";
import type { Decided } from "../../../src/domains/cart/model.ts";
import { CartState } from "../../../src/domains/cart/state.ts";

/** A command whose id the test may leave out. */
export type Asked = { type: Command["type"]; id?: string; user: string } & Record<string, unknown>;

export const ANN = "31337";
export const BEN = "2";

export const add = (sku: number, count: number, available = 1_000, user = ANN): Asked => ({
  type: "item.add",
  user,
  sku,
  count,
  available: String(available),
});
export const drop = (sku: number, user = ANN): Asked => ({ type: "item.delete", user, sku });
export const clear = (user = ANN): Asked => ({ type: "clear", user });
export const begin = (id: string, user = ANN): Asked => ({ type: "checkout.begin", id, user });
export const done = (checkout: string, order = 1, user = ANN): Asked => ({
  type: "checkout.done",
  id: `${checkout} done`,
  user,
  checkout,
  order: String(order),
});
export const failed = (checkout: string, message = "too little stock", user = ANN): Asked => ({
  type: "checkout.failed",
  id: `${checkout} failed`,
  user,
  checkout,
  status: "FAILED_PRECONDITION",
  message,
});

/** Each command must succeed. */
export function given(...commands: readonly Asked[]) {
  const cart = new CartInMemory();
  for (const command of commands) {
    assert.is(cart.ask(command).reason, undefined, `given: ${JSON.stringify(command)}`);
  }
  return { when: (command: Asked) => new Answer(cart, cart.ask(command)) };
}

/** The outcome of the last command. */
class Answer {
  readonly #cart: CartInMemory;
  readonly #decided: Decided;

  constructor(cart: CartInMemory, decided: Decided) {
    this.#cart = cart;
    this.#decided = decided;
  }

  /** @param checkout that the command concerns. */
  succeeds(checkout?: string): this {
    assert.is(this.#decided.reason, undefined);
    assert.is(this.#decided.checkout, checkout);
    return this;
  }

  declines(reason: string): this {
    assert.is(this.#decided.reason, reason);
    return this;
  }

  /** @param items such as `1002: 5` and `1003: 5 (2 frozen)`, by SKU. */
  holds(...items: readonly string[]): this {
    return this.holdsFor(ANN, ...items);
  }

  holdsFor(user: string, ...items: readonly string[]): this {
    assert.equal(this.#cart.itemsOf(user), items);
    return this;
  }

  /** @param expected such as `open`, `done 7` and `failed: too little stock`. */
  leaves(checkout: string, expected: string): this {
    assert.is(this.#cart.textOf(checkout), expected);
    return this;
  }

  /** Another command. */
  when(command: Asked): Answer {
    return new Answer(this.#cart, this.#cart.ask(command));
  }
}

export class CartInMemory {
  readonly state = new CartState();
  #position = 0n;

  ask(asked: Asked): Decided {
    this.#position += 1n;
    const command = checkCommand({ id: `c${this.#position}`, ...asked });
    if ("problems" in command) throw new Error(`not a command: ${JSON.stringify(command)}`);
    return fold(this.state, this.#position, command);
  }

  itemsOf(user: string): string[] {
    return this.state
      .items(user)
      .map(({ sku, count, frozen }) => `${sku}: ${count}${frozen > 0 ? ` (${frozen} frozen)` : ""}`);
  }

  textOf(id: string): string {
    const checkout = this.state.checkout(id);
    if (checkout?.state === "done") return `done ${checkout.order}`;
    if (checkout?.state === "failed") return `failed: ${checkout.message}`;
    return checkout?.state ?? "none";
  }
}
