/** Audits of a large inbox: in full, and since the previous one. */

import { type AuditOptions, audit } from "../src/audit/audit.ts";
import { Database } from "../src/database/database.ts";
import { orders as domain } from "../src/domains/orders/index.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { fill } from "./fill.ts";
import type { Measurement } from "./measurement.ts";

export async function measureAudit(
  stack: Stack,
  orders: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await fill(stack.environment, 1, orders, say);
  const database = new Database(stack.environment.DATABASE_URL as string, {
    connectionsMax: 1,
    logger: createLogger("silent"),
    hasTimeouts: false,
  });
  const secondsOf = async (expected: number, options: AuditOptions) => {
    const begun = performance.now();
    const { holds, domains, storage } = await audit(database, [domain], { gapSettledSeconds: 0, ...options });
    const seconds = (performance.now() - begun) / 1000;
    if (!holds || Number(domains.orders?.projected) !== expected || domains.orders?.gaps.length !== 0) {
      throw new Error("the audit does not find the expected orders");
    }
    return { seconds, bytes: Number(storage.bytes) };
  };
  try {
    const whole = await secondsOf(orders, { isFull: true });
    const added = orders + ADDED;
    await fill(stack.environment, orders + 1, added, say);
    const since = await secondsOf(added, {});
    const again = await secondsOf(added, { isFull: true });
    return [
      { name: `audit of ${orders} orders`, unit: "s", figures: [whole.seconds] },
      { name: `audit of ${ADDED} more`, unit: "s", figures: [since.seconds] },
      { name: "audit of everything again", unit: "s", figures: [again.seconds] },
      { name: "storage of an order, with indexes and jobs", unit: "bytes", figures: [again.bytes / added] },
    ];
  } finally {
    await database.close();
  }
}

/** Ten minutes at 100 a second. */
const ADDED = 60_000;
