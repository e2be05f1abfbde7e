/** Carts, checkouts and earlier commands of one batch, as they are before the next command. */
import type { Checkout, Decided, FrozenItem, Item } from "./model.ts";

export class CartState {
  readonly #carts = new Map<string, Map<number, Item>>();
  readonly #checkouts = new Map<string, Checkout>();
  /** Ids of open checkouts, by user. */
  readonly #open = new Map<string, string>();
  readonly #decided = new Map<string, Decided>();
  readonly #changedItems = new Map<string, Item>();
  readonly #changedCheckouts = new Set<string>();
  readonly #frozen: FrozenItem[] = [];

  /** Adds rows of the tables. */
  load(stored: {
    items?: readonly Item[];
    checkouts?: readonly Checkout[];
    decided?: readonly Decided[];
  }): void {
    for (const item of stored.items ?? []) this.#keepItem(item);
    for (const checkout of stored.checkouts ?? []) this.#keepCheckout(checkout);
    for (const one of stored.decided ?? []) this.#decided.set(one.id, one);
  }

  /** By SKU ascending. */
  items(user: string): Item[] {
    return [...(this.#carts.get(user)?.values() ?? [])].sort((one, other) => one.sku - other.sku);
  }

  item(user: string, sku: number): Item | undefined {
    return this.#carts.get(user)?.get(sku);
  }

  /** Number of SKUs. */
  size(user: string): number {
    return this.#carts.get(user)?.size ?? 0;
  }

  checkout(id: string): Checkout | undefined {
    return this.#checkouts.get(id);
  }

  openCheckout(user: string): Checkout | undefined {
    return this.#checkouts.get(this.#open.get(user) ?? "");
  }

  decided(id: string): Decided | undefined {
    return this.#decided.get(id);
  }

  putItem(item: Item): void {
    this.#keepItem(item);
    this.#changedItems.set(`${item.user} ${item.sku}`, item);
  }

  putCheckout(checkout: Checkout): void {
    this.#keepCheckout(checkout);
    this.#changedCheckouts.add(checkout.id);
  }

  addFrozen(items: readonly FrozenItem[]): void {
    this.#frozen.push(...items);
  }

  putDecided(decided: Decided): void {
    this.#decided.set(decided.id, decided);
  }

  /** Rows to write. */
  get changed(): { items: Item[]; checkouts: Checkout[]; frozen: readonly FrozenItem[] } {
    return {
      items: [...this.#changedItems.values()],
      checkouts: [...this.#changedCheckouts].map((id) => this.#checkouts.get(id) as Checkout),
      frozen: this.#frozen,
    };
  }

  #keepItem(item: Item): void {
    const cart = this.#carts.get(item.user) ?? new Map<number, Item>();
    this.#carts.set(item.user, cart);
    if (item.count > 0) cart.set(item.sku, item);
    else cart.delete(item.sku);
  }

  #keepCheckout(checkout: Checkout): void {
    const { id, user, state } = checkout;
    this.#checkouts.set(id, checkout);
    if (state === "open") this.#open.set(user, id);
    else if (this.#open.get(user) === id) this.#open.delete(user);
  }
}
