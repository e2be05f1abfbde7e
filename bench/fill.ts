/** Orders without a broker, and small garbage. */
import { setTimeout as delay } from "node:timers/promises";
import { Database } from "../src/database/database.ts";
import { orders } from "../src/domains/orders/index.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { makeGarbage } from "../tools/publisher/garbage.ts";
import { withClient } from "../tools/stack/postgres.ts";

/** Without large payloads, which would dominate, and conflicts, which need an order. */
export function makeSmallGarbage(factory: OrderFactory, count: number): Buffer[] {
  const payloads: Buffer[] = [];
  while (payloads.length < count) {
    const { payload, code } = makeGarbage(ordersKit, factory);
    if (payload.length < 8_192 && code !== "conflict") payloads.push(payload);
  }
  return payloads;
}

/**
 * Appends and projects orders with ids `bench-<number - 1>`, as from a channel of their own. Zeros keep their message
 * ids apart from new ones in the index, as a broker's growing numbers do.
 */
export async function fill(
  environment: Readonly<Record<string, string>>,
  first: number,
  last: number,
  say: (text: string) => void,
): Promise<void> {
  const factory = new OrderFactory(9);
  const payloads = Array.from({ length: POOL }, () => toPayload({ ...factory.next(), order_uid: "bench-#" }));
  say(`appending ${(last - first + 1).toLocaleString("en")} orders to the inbox`);
  const database = new Database(environment.DATABASE_URL as string, {
    connectionsMax: 1,
    logger: createLogger("silent"),
  });
  const domain = projectingOf(orders, { isLive: true });
  let isIn = false;
  // Takes as long as appending.
  const projecting = (async () => {
    for (;;) {
      const wasIn = isIn;
      const { rows, checkpoint } = await projectNext(database, domain, new Handover());
      if (rows.length === 0 && wasIn) return;
      if (rows.length === 0) await delay(50);
      else if (checkpoint % 500_000n < BigInt(rows.length))
        say(`projected ${checkpoint.toLocaleString("en")}`);
    }
  })();
  try {
    await withClient(environment.MIGRATION_DATABASE_URL as string, async (owner) => {
      await owner.query("create temp table pool (number int primary key, payload text)");
      await owner.query(
        "insert into pool select number - 1, convert_from(payload, 'UTF8') from unnest($1::bytea[]) with ordinality as p (payload, number)",
        [payloads],
      );
      for (let start = first; start <= last; start += CHUNK) {
        await owner.query(
          `insert into inbox (domain, source, channel, message_id, payload)
           select 'orders', 'nats-streaming', 'filled', lpad(made.number::text, 12, '0') || '-' || 1700000000000000000 + made.number,
                  convert_to(replace(pool.payload, 'bench-#', 'bench-' || (made.number - 1)), 'UTF8')
           from generate_series($1::int, $2::int) as made (number) join pool on pool.number = made.number % ${POOL}
           order by made.number`,
          [start, Math.min(last, start + CHUNK - 1)],
        );
      }
    });
  } finally {
    isIn = true;
    await projecting.finally(() => database.close());
  }
}

/** Each occurs a few hundred times, under new ids. */
const POOL = 3_000;
const CHUNK = 200_000;
