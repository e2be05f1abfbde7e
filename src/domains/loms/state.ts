/**
 * The state that the rules read: the orders, stocks and commands that one batch names. It changes with each folded command
 * and does not outlive the batch.
 */
import {
  type Decided,
  type Fact,
  type Item,
  type Order,
  type OrderChange,
  type OrderStatus,
  PAYMENT_MS,
  type Stock,
} from "./model.ts";

export class LomsState {
  /** Domain time, since the Unix epoch: the greatest time of receipt of a folded command. */
  nowMs = 0;
  /** 0 if there is none. */
  lastOrder = 0n;
  readonly #orders = new Map<bigint, Order>();
  readonly #stocks = new Map<number, Stock>();
  readonly #commands = new Map<string, Decided>();
  readonly #newOrders = new Set<bigint>();
  readonly #changedOrders = new Set<bigint>();
  readonly #changedStocks = new Set<number>();
  /** Unpaid orders, by due time. */
  readonly #unpaid = new Set<bigint>();

  /** Adds rows of the tables. */
  load(stored: {
    nowMs?: number;
    lastOrder?: bigint;
    orders?: readonly Order[];
    stocks?: readonly Stock[];
    commands?: readonly Decided[];
  }): void {
    this.nowMs = Math.max(this.nowMs, stored.nowMs ?? 0);
    this.lastOrder = stored.lastOrder ?? this.lastOrder;
    const orders = [...(stored.orders ?? [])].sort((one, other) => (one.id < other.id ? -1 : 1));
    for (const order of orders) this.#keepOrder(order);
    for (const stock of stored.stocks ?? []) this.#stocks.set(stock.sku, stock);
    for (const command of stored.commands ?? []) this.putCommand(command);
  }

  order(id: bigint): Order | undefined {
    return this.#orders.get(id);
  }

  stock(sku: number): Stock | undefined {
    return this.#stocks.get(sku);
  }

  command(name: string): Decided | undefined {
    return this.#commands.get(name);
  }

  putCommand(command: Decided): void {
    this.#commands.set(command.id, command);
  }

  /** Expired orders, the oldest first. */
  dueOrders(): Order[] {
    const due: Order[] = [];
    for (const id of this.#unpaid) {
      const order = this.#orders.get(id) as Order;
      if (order.createdAtMs + PAYMENT_MS > this.nowMs) break;
      due.push(order);
    }
    return due;
  }

  /** Applies a fact. @returns the change of an order, if it is one. */
  evolve(fact: Fact, position: bigint): OrderChange | undefined {
    switch (fact.kind) {
      case "order created": {
        const { order: id, user, items } = fact;
        this.lastOrder = id;
        this.#newOrders.add(id);
        const created = { createdAtMs: this.nowMs, createdPosition: position };
        return this.#change({ id, user, items, ...created, status: "new", sequence: 1, position });
      }
      case "status changed": {
        const order = this.#orders.get(fact.order) as Order;
        const { status } = fact;
        for (const item of order.items) this.#moveStock(item, status, position);
        return this.#change({ ...order, status, sequence: order.sequence + 1, position });
      }
      case "stock given": {
        const { sku, total, reserved } = fact;
        const before = this.#stocks.get(sku);
        const byOrders = before ? before.reserved - before.givenReserved : 0;
        const given = { givenTotal: total, givenReserved: reserved, givenPosition: position };
        this.#putStock({ sku, total, reserved: reserved + byOrders, ...given, position });
        return undefined;
      }
    }
  }

  /** Rows to be written. */
  get changed(): { newOrders: Order[]; oldOrders: Order[]; stocks: Stock[] } {
    const ordersOf = (ids: readonly bigint[]) => ids.map((id) => this.#orders.get(id) as Order);
    return {
      newOrders: ordersOf([...this.#newOrders]),
      oldOrders: ordersOf([...this.#changedOrders].filter((id) => !this.#newOrders.has(id))),
      stocks: [...this.#changedStocks].map((sku) => this.#stocks.get(sku) as Stock),
    };
  }

  #change(order: Order): OrderChange {
    this.#keepOrder(order);
    this.#changedOrders.add(order.id);
    const { id, user, sequence, status, position } = order;
    return { order: id, user, sequence, status, position, atMs: this.nowMs };
  }

  #keepOrder(order: Order): void {
    this.#orders.set(order.id, order);
    if (order.status === "awaiting payment") this.#unpaid.add(order.id);
    else this.#unpaid.delete(order.id);
  }

  #moveStock({ sku, count }: Item, to: OrderStatus, position: bigint): void {
    if (to === "failed") return;
    const before = this.#stocks.get(sku) as Stock;
    const reserved = before.reserved + (to === "awaiting payment" ? count : -count);
    const total = before.total - (to === "payed" ? count : 0);
    const byOrders = reserved - before.givenReserved;
    if (byOrders < 0 || byOrders > total) throw new Error("a rule let orders reserve what is not there");
    this.#putStock({ ...before, total, reserved, position });
  }

  #putStock(stock: Stock): void {
    this.#stocks.set(stock.sku, stock);
    this.#changedStocks.add(stock.sku);
  }
}
