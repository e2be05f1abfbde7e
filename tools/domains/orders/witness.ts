/** Each acknowledged id is stored with a published content, and each service returns those bytes. */
import type { Database } from "../../../src/database/database.ts";
import { hashOf, Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

export class OrdersWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const ids = this.takeFresh();
    const table = await readTable(database, ids);
    const findings: string[] = [];
    for (const id of ids) {
      const stored = table.get(id);
      if (stored === undefined) findings.push(`order ${id} is not in the table`);
      else if (!this.wasPublished(id, stored))
        findings.push(`order ${id} is stored with a content that was never published`);
    }
    for (const service of services) findings.push(...(await compareAnswers(service, ids, table)));
    return findings;
  }
}

async function readTable(database: Database, ids: readonly string[]): Promise<Map<string, string>> {
  const table = new Map<string, string>();
  for (let begin = 0; begin < ids.length; begin += IDS_PER_QUERY) {
    const { rows } = await database.query<{ id: string; content: string }>(
      "select order_uid as id, md5(payload) as content from orders join inbox using (position) where order_uid = any($1)",
      [ids.slice(begin, begin + IDS_PER_QUERY)],
    );
    for (const { id, content } of rows) table.set(id, content);
  }
  return table;
}

async function compareAnswers(
  service: Reader,
  ids: readonly string[],
  table: ReadonlyMap<string, string>,
): Promise<string[]> {
  const findings: string[] = [];
  const rest = ids.values();
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const id of rest) {
        const document = await service.read(id).catch(() => undefined);
        if (!document) findings.push(`order ${id} is not served by ${service.url}`);
        else if (hashOf(document) !== table.get(id))
          findings.push(`the answer of ${service.url} for order ${id} differs from the stored order`);
      }
    }),
  );
  return findings;
}

/** More parameters take longer to plan than to run. */
const IDS_PER_QUERY = 5_000;

/** In flight to one service. */
const READERS = 16;
