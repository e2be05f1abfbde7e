/** Checks the wallet after a run. */
import type { Database } from "../../../src/database/database.ts";
import { CommandWitness, type StoredCommand } from "../command-witness.ts";

export class WalletWitness extends CommandWitness<StoredCommand> {
  /** @param keys owner, space, id. */
  protected override async select(database: Database, keys: readonly string[]): Promise<StoredCommand[]> {
    const wanted = keys.map((key) => key.split(" "));
    const { rows } = await database.query<StoredCommand>(
      `select owner || ' ' || id as key, md5(payload) as content, position,
              case when reason is null then 'succeeded' else 'declined' end as status
       from unnest($1::text[], $2::text[]) as wanted (owner, id) join wallet_transactions using (owner, id)
       join inbox using (position)`,
      [wanted.map(([owner]) => owner), wanted.map(([, id]) => id)],
    );
    return rows;
  }
}
