/** Checks carts after a run. */
import type { Database } from "../../../src/database/database.ts";
import { CommandWitness, type StoredCommand } from "../command-witness.ts";

export class CartWitness extends CommandWitness<StoredCommand> {
  protected override async select(database: Database, keys: readonly string[]): Promise<StoredCommand[]> {
    const { rows } = await database.query<StoredCommand>(
      `select id as key, md5(payload) as content, position,
              case when reason is null then 'succeeded' else 'declined' end as status
       from cart_commands join inbox using (position) where id = any($1::text[])`,
      [keys],
    );
    return rows;
  }
}
