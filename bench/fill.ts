/** A database full of orders, without a broker. */
import { openPool } from "../src/database/pool.ts";
import { createOrders } from "../src/domains/orders/index.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { Stack } from "../tools/stack/stack.ts";

/** Puts the orders `first` to `last`, with the ids `bench-<number - 1>`, into the inbox as if a broker had, and projects them. */
export async function fill(
  stack: Stack,
  first: number,
  last: number,
  say: (text: string) => void,
): Promise<void> {
  const orders = last - first + 1;
  const factory = new OrderFactory(9);
  const payloads = Array.from({ length: POOL }, () => toPayload({ ...factory.next(), order_uid: "bench-#" }));
  say(`putting ${orders.toLocaleString("en")} orders into the inbox`);
  await withClient(stack.environment.MIGRATION_DATABASE_URL as string, async (owner) => {
    await owner.query("create temp table pool (number int, payload text)");
    await owner.query(
      "insert into pool select number - 1, convert_from(payload, 'UTF8') from unnest($1::bytea[]) with ordinality as p (payload, number)",
      [payloads],
    );
    await owner.query(
      `insert into inbox (domain, source, channel, message_id, payload)
       select 'orders', 'nats-streaming', 'orders', made.number || '-' || 1700000000000000000 + made.number,
              convert_to(replace(pool.payload, 'bench-#', 'bench-' || (made.number - 1)), 'UTF8')
       from generate_series($1::int, $2::int) as made (number) join pool on pool.number = made.number % ${POOL}
       order by made.number`,
      [first, last],
    );
  });
  const pool = openPool(stack.environment.DATABASE_URL as string, 1, createLogger("silent"));
  const { domain } = createOrders({ database: pool, cacheBytesMax: 0, onAccepted: () => {} });
  const begun = performance.now();
  while ((await projectNext(pool, domain, new Handover())).rows.length > 0);
  say(`projected ${Math.round(orders / ((performance.now() - begun) / 1000))}/s, read back from the table`);
  await pool.end();
}

/** Different orders; each is there some hundred times under ids of its own. */
const POOL = 3_000;
