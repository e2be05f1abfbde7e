/**
 * What notifications knows of each order, compared with the order's history in loms: the same statuses in the same
 * sequence, with no gap and no copy, although the events between them pass an outbox, Kafka, and crashes of all three.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Clients } from "./clients.ts";
import { TOKEN, type World } from "./world.ts";

/** One status that an order came into. */
export type Change = Readonly<{ sequence: number; status: string; moment: string }>;

/** All changes of one order, as loms tells them. */
export type History = Readonly<{ id: bigint; changes: readonly Change[] }>;

/** A change as notifications has written it. */
export type Notified = Change & Readonly<{ arrival: string }>;

/** @param onProgress is told of how many orders the history was read. */
export async function readHistories(
  { loms }: Clients,
  orders: readonly Readonly<{ id: bigint }>[],
  onProgress: (done: number) => void,
): Promise<History[]> {
  return mapInParts(orders, onProgress, async ({ id }) => {
    const { changes } = await loms.orderHistory({ orderId: id });
    return { id, changes };
  });
}

/**
 * Waits until notifications has as many changes as there are and the outbox of loms is empty, or until nothing moves.
 * @param onProgress is told how many notifications there are, and how many events wait in the outbox.
 * @returns what has not arrived.
 */
export async function untilDelivered(
  { loms, notifications }: World,
  changes: number,
  onProgress: (done: number, waiting: number) => void,
): Promise<string[]> {
  let movedAt = performance.now();
  let last = "";
  for (;;) {
    const [waiting, written] = [await outboxOf(loms.url), await countNotified(notifications.url)];
    onProgress(written, waiting);
    if (waiting === 0 && written >= changes) return [];
    const now = `${waiting} ${written}`;
    if (now !== last) movedAt = performance.now();
    last = now;
    if (performance.now() - movedAt > STANDSTILL_MS_MAX) {
      return [
        `nothing has moved for ${STANDSTILL_MS_MAX / 1000} s: the outbox of loms has ${waiting} events, and there are ${written} notifications of ${changes} changes of orders`,
      ];
    }
    await delay(POLL_MS);
  }
}

/** @param onProgress is told how many orders were compared. @returns what is wrong. */
export async function compareNotifications(
  { notifications }: World,
  histories: readonly History[],
  onProgress: (done: number) => void,
): Promise<string[]> {
  const findings = await mapInParts(histories, onProgress, async (history) =>
    compareHistory(history, await readNotified(notifications.url, history.id)),
  );
  return findings.filter((finding) => finding !== undefined);
}

/** @param notified in the order in which notifications wrote them. @returns what is wrong with one order, if anything. */
export function compareHistory({ id, changes }: History, notified: readonly Notified[]): string | undefined {
  const told = changes.map(describe).join(", ");
  const heard = notified.map(describe).join(", ");
  if (changes.some(({ sequence }, index) => sequence !== index + 1))
    return `the history of order ${id} has a gap: ${told}`;
  if (told !== heard) {
    const isReordered = told === notified.toSorted(bySequence).map(describe).join(", ");
    const fault = isReordered ? "arrived in another order" : "say";
    return `order ${id} became ${told}, but the notifications ${fault}: ${heard || "nothing"}`;
  }
  const unordered = notified.find(({ arrival }) => arrival !== "in_order");
  return unordered && `a notification of order ${id} is ${unordered.arrival}: ${describe(unordered)}`;
}

function bySequence(one: Change, other: Change): number {
  return one.sequence - other.sequence;
}

function describe({ sequence, status, moment }: Change): string {
  return `${sequence} ${status} at ${moment}`;
}

async function readNotified(url: string, id: bigint): Promise<readonly Notified[]> {
  const response = await fetch(`${url}/notifications/orders/${id}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { changes: Notified[] }).changes;
}

/** Events that have not been sent, refused ones included. */
async function outboxOf(url: string): Promise<number> {
  const text = await metricsOf(url);
  return sumOf(text, "waybill_outbox_pending_events") + sumOf(text, "waybill_outbox_held_events");
}

async function countNotified(url: string): Promise<number> {
  const response = await fetch(`${url}/audit`);
  const { domains } = (await response.json()) as { domains: { notifications: { projected: number } } };
  return Number(domains.notifications.projected);
}

export async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** The sum of a metric over all its labels. */
export function sumOf(metrics: string, name: string): number {
  const values = metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, "gm"));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Maps so many items at a time, in their order. */
async function mapInParts<Item, Result>(
  items: readonly Item[],
  onProgress: (done: number) => void,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(first, first + AT_ONCE).map(map))));
    onProgress(results.length);
  }
  return results;
}

const AT_ONCE = 32;
const POLL_MS = 250;
/** Longer than a turn of the relay, a session of Kafka and the backoffs between them, on a busy machine. */
const STANDSTILL_MS_MAX = 90_000;
