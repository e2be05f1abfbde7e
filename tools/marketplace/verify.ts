/**
 * The truth about a run, read from the running services alone: no SKU is oversold, every checkout has one order and every
 * order one checkout, stocks are what the orders leave, every change of an order is one notification, in order, and the
 * audits of all services hold.
 */

import type { Step } from "../../src/cli/progress.ts";
import type { OrderInfoResponse } from "../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { type Clients, codeOf } from "./clients.ts";
import type { Purchase } from "./load.ts";
import { compareNotifications, readHistories, untilDelivered } from "./notifications.ts";
import type { World } from "./world.ts";

/** Available pieces of each SKU before the load. */
export type Stocks = ReadonlyMap<number, bigint>;

export type Order = Readonly<{ id: bigint }> & Pick<OrderInfoResponse, "status" | "user" | "items">;

/** The state before the load. */
export type Before = Readonly<{ stocks: Stocks; lastOrderId: bigint }>;

export type Verdict = Readonly<{
  /** Everything that is wrong; empty if all holds. */
  findings: readonly string[];
  orders: number;
  /** How many changes of orders became notifications. */
  changes: number;
  /** Copies of events that notifications has recognised. */
  copies: number;
}>;

/** @param show is told how far a phase is. */
export async function verify(
  world: World,
  clients: Clients,
  before: Before,
  purchases: readonly Purchase[],
  show: (phase: string, step: Step) => void,
): Promise<Verdict> {
  const orders = await readOrders(clients, (done) => show("reading orders", { done }));
  const total = orders.length;
  const histories = await readHistories(clients, orders, (done) =>
    show("reading histories", { done, total }),
  );
  const changes = histories.reduce((sum, { changes }) => sum + changes.length, 0);
  const late = await untilDelivered(world, changes, (done, waiting) =>
    show("waiting for notifications", { done, total: changes, note: `${waiting} events in the outbox` }),
  );
  const findings = [
    ...compareOrders(orders, purchases, before.lastOrderId),
    ...compareStocks(before.stocks, await readStocks(clients), orders),
    ...late,
    ...(await compareNotifications(world, histories, (done) =>
      show("comparing notifications", { done, total }),
    )),
  ];
  show("auditing", { done: 0, total: world.services.length });
  const audits = await compareAudits(world, changes);
  findings.push(...audits.findings, ...world.surprises);
  return { findings, orders: orders.length, changes, copies: audits.copies };
}

/** The SKUs that the order service knows, with what can be ordered of each. */
export async function readStocks({ product, loms }: Clients): Promise<Map<number, bigint>> {
  const { skus } = await product.listSkus({ count: 1_000 });
  const stocks = new Map<number, bigint>();
  for (const sku of skus) {
    const stock = loms.stockInfo({ sku });
    if ((await codeOf(stock)) === undefined) stocks.set(sku, (await stock).count);
  }
  return stocks;
}

/** All orders, whose ids have no gap. @param onProgress is told how many were read. */
export async function readOrders({ loms }: Clients, onProgress: (count: number) => void): Promise<Order[]> {
  const orders: Order[] = [];
  for (let first = 1n; ; first += BigInt(ORDERS_AT_ONCE)) {
    const read = await Promise.all(
      Array.from({ length: ORDERS_AT_ONCE }, async (_none, index) => {
        const orderId = first + BigInt(index);
        const info = loms.orderInfo({ orderId });
        const code = await codeOf(info);
        return code === undefined ? { id: orderId, ...(await info) } : undefined;
      }),
    );
    const found = read.filter((order) => order !== undefined);
    orders.push(...found);
    onProgress(orders.length);
    if (found.length < ORDERS_AT_ONCE) return orders;
  }
}

/** @param before the id of the last order before the load. @returns what is wrong. */
export function compareOrders(
  orders: readonly Order[],
  purchases: readonly Purchase[],
  before: bigint,
): string[] {
  const findings: string[] = [];
  const of = new Map(orders.filter(({ id }) => id > before).map((order) => [order.id, order]));
  for (const { user, items, orderId, end } of purchases) {
    if (orderId === undefined) continue;
    const order = of.get(orderId);
    of.delete(orderId);
    if (!order) findings.push(`order ${orderId} of a checkout does not exist, or belongs to two checkouts`);
    else if (order.user !== user) findings.push(`order ${orderId} belongs to another user`);
    else if (textOf(order.items) !== textOf([...items].map(([sku, count]) => ({ sku, count }))))
      findings.push(`order ${orderId} has other items than the cart had`);
    // Loms cancels unpaid orders in time: a long run sees that.
    else if (end === "left" ? !UNPAID.includes(order.status) : order.status !== end)
      findings.push(`order ${orderId} is "${order.status}" though its user has ${end} it`);
  }
  const unanswered = [...of.values()].filter(({ status }) => status !== "failed");
  findings.push(...unanswered.map(({ id }) => `order ${id} belongs to no checkout`));
  const failed = of.size - unanswered.length;
  const refused = purchases.filter(({ orderId }) => orderId === undefined).length;
  if (failed !== refused) findings.push(`${refused} checkouts were refused, but ${failed} orders failed`);
  return findings;
}

/** Each SKU has in stock now what it had first, less what payed and waiting orders hold. @returns what is wrong. */
export function compareStocks(first: Stocks, now: Stocks, orders: readonly Order[]): string[] {
  const held = new Map<number, bigint>();
  for (const { status, items } of orders) {
    if (status !== "payed" && status !== "awaiting payment") continue;
    for (const { sku, count } of items) held.set(sku, (held.get(sku) ?? 0n) + BigInt(count));
  }
  const findings: string[] = [];
  for (const [sku, available] of first) {
    const ordered = held.get(sku) ?? 0n;
    if (ordered > available) findings.push(`SKU ${sku} is oversold: ${ordered} of ${available} are ordered`);
    else if (now.get(sku) !== available - ordered)
      findings.push(`SKU ${sku} has ${now.get(sku)} left instead of ${available - ordered}`);
  }
  return findings;
}

/**
 * Audits everything that each service has, and counts notifications: there are as many as changes of orders.
 * @returns what is wrong, and how many copies of events notifications has recognised.
 */
async function compareAudits(
  { services }: World,
  changes: number,
): Promise<Readonly<{ findings: string[]; copies: number }>> {
  const findings: string[] = [];
  let copies = 0;
  for (const { name, domain, url } of services) {
    const response = await fetch(`${url}/audit?full=true`);
    const { holds, domains } = (await response.json()) as {
      holds: boolean;
      domains: Record<string, Record<"pending" | "dead" | "projected" | "duplicate", number>>;
    };
    const counts = domains[domain];
    if (!holds || !counts) findings.push(`the audit of ${name} does not hold: see ${url}/audit?full=true`);
    if (Number(counts?.dead) > 0)
      findings.push(`${name} has ${counts?.dead} dead letters, though no message was bad`);
    if (domain === "notifications") {
      copies = Number(counts?.duplicate);
      if (Number(counts?.projected) !== changes)
        findings.push(`there are ${counts?.projected} notifications of ${changes} changes of orders`);
    }
  }
  return { findings, copies };
}

function textOf(items: readonly Readonly<{ sku: number; count: number }>[]): string {
  const sorted = items.map(({ sku, count }) => [sku, count] as const).sort(([one], [other]) => one - other);
  return JSON.stringify(sorted);
}

const UNPAID: readonly string[] = ["awaiting payment", "cancelled"];
const ORDERS_AT_ONCE = 32;
