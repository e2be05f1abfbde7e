/** Each acknowledged event is stored with a published content, and services show as many changes as are stored. */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

export class NotificationsWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const orders = this.takeFresh();
    const stored = await readTable(database, orders);
    const findings: string[] = [];
    for (const order of orders) {
      const contents = stored.get(order) ?? [];
      if (contents.length === 0) findings.push(`order ${order} has no change`);
      if (contents.some((content) => !this.wasPublished(order, content)))
        findings.push(`order ${order} has a change that was never published`);
      for (const service of services) {
        const answer = await service.read(order).catch(() => undefined);
        const { changes = [] } = answer ? (JSON.parse(answer.toString()) as { changes?: object[] }) : {};
        if (changes.length !== contents.length)
          findings.push(`the answer of ${service.url} for order ${order} differs from the stored changes`);
      }
    }
    return findings;
  }
}

/** Hashes by order. */
async function readTable(database: Database, orders: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await database.query<{ order: string; contents: string[] }>(
    `select order_id::text as "order", array_agg(md5(payload)) as contents
     from notifications_changes join inbox using (position) where order_id = any($1::bigint[]) group by order_id`,
    [orders],
  );
  return new Map(rows.map(({ order, contents }) => [order, contents]));
}
