/** Compares order ids too. Audit checks cover the stocks. */
import type { Database } from "../../../src/database/database.ts";
import { CommandWitness, type StoredCommand } from "../command-witness.ts";

type Stored = StoredCommand & Readonly<{ order: bigint | null }>;

export class LomsWitness extends CommandWitness<Stored> {
  protected override async select(database: Database, keys: readonly string[]): Promise<Stored[]> {
    const { rows } = await database.query<Stored>(
      `select id as key, md5(payload) as content, position,
              case when reason is null then 'succeeded' else 'declined' end as status, order_id as "order"
       from loms_commands join inbox using (position) where id = any($1::text[])`,
      [keys],
    );
    return rows;
  }

  protected override isAnswer(given: Readonly<Record<string, string | undefined>>, stored: Stored): boolean {
    const order = stored.order === null ? undefined : String(stored.order);
    return super.isAnswer(given, stored) && given.order_id === order;
  }
}
