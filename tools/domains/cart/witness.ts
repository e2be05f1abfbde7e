/**
 * The truth about carts after a run: each command that was acknowledged was decided, by a content that was published
 * under its id, and each service answers for it with the outcome that the table has.
 */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

type Stored = Readonly<{ id: string; content: string; position: bigint; status: string }>;

export class CartWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const ids = this.takeFresh();
    const stored = await readTable(database, ids);
    const findings: string[] = [];
    for (const id of ids) {
      const one = stored.get(id);
      if (one === undefined) findings.push(`command ${id} was not decided`);
      else if (!this.wasPublished(id, one.content))
        findings.push(`command ${id} was decided with a content that was never published`);
    }
    for (const service of services) {
      for (const [id, { position, status }] of stored) {
        const answer = await service.read(id).catch(() => undefined);
        const given = answer && (JSON.parse(answer.toString()) as { position?: string; status?: string });
        if (given?.position !== String(position) || given.status !== status)
          findings.push(`command ${id} is not answered for by ${service.url} as it was decided`);
      }
    }
    return findings;
  }
}

async function readTable(database: Database, ids: readonly string[]): Promise<Map<string, Stored>> {
  const { rows } = await database.query<Stored>(
    `select id, md5(payload) as content, position, case when reason is null then 'succeeded' else 'declined' end as status
     from cart_commands join inbox using (position) where id = any($1::text[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
