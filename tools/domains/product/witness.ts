/** Each acknowledged product equals a published command for its SKU. */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

type Stored = Readonly<{ content: string; name: string; price: bigint }>;

export class ProductWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const skus = this.takeFresh();
    const stored = await readTable(database, skus);
    const findings: string[] = [];
    for (const sku of skus) {
      const product = stored.get(sku);
      if (product === undefined) findings.push(`product ${sku} is not in the table`);
      else if (!this.wasPublished(sku, product.content))
        findings.push(`product ${sku} is stored with a content that was never published`);
    }
    for (const service of services) {
      for (const [sku, { name, price }] of stored) {
        const answer = await service.read(sku).catch(() => undefined);
        const given = answer && (JSON.parse(answer.toString()) as { name: string; price: number });
        if (given?.name !== name || BigInt(given.price) !== price)
          findings.push(`the answer of ${service.url} for product ${sku} differs from the stored product`);
      }
    }
    return findings;
  }
}

async function readTable(database: Database, skus: readonly string[]): Promise<Map<string, Stored>> {
  const { rows } = await database.query<Stored & { sku: bigint }>(
    `select sku, name, price, md5(payload) as content
     from product_products join inbox using (position) where sku = any($1::bigint[])`,
    [skus],
  );
  return new Map(rows.map((row) => [String(row.sku), row]));
}
