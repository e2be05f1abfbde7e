/** The engine's parts on a test database, put together as the service does it but without its sources and server. */
import type { Domain } from "../../src/contract/domain.ts";
import type { Message } from "../../src/contract/message.ts";
import type { Database } from "../../src/database/database.ts";
import { createOrders } from "../../src/domains/orders/index.ts";
import { append } from "../../src/inbox/append.ts";
import { Handover } from "../../src/projector/handover.ts";
import { projectNext } from "../../src/projector/project.ts";
import type { TestDatabase } from "./database.ts";

export function ordersOf(database: Database, cacheBytesMax = 16 * 1024 * 1024) {
  return createOrders({ database: database, cacheBytesMax, onAccepted: () => {} });
}

/** Appends without a wake-up. */
export function appendAll(database: Database, messages: readonly Message[]) {
  return append(database, "orders", messages, async () => {});
}

/** Projects until there is nothing left. */
export async function projectAll(database: Database, domain: Domain): Promise<void> {
  while ((await projectNext(database, domain, new Handover())).rows.length > 0);
}

/** Everything a projection consists of, to be compared. */
export async function tablesOf(database: TestDatabase) {
  const of = async (text: string) => (await database.query(text)).rows;
  return {
    orders: await of(
      "select order_uid, position, customer_id, track_number, date_created, payload from orders join inbox using (position) order by position",
    ),
    duplicates: await of("select * from duplicates order by position"),
    deadLetters: await of("select * from dead_letters order by position"),
    checkpoints: await of(
      "select domain, position, projected, duplicate, dead from checkpoints order by domain",
    ),
  };
}
