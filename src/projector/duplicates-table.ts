/** Every statement on the `duplicates` table. */
import type { Queryable } from "../database/queryable.ts";

export type Duplicate = Readonly<{ position: bigint; originalPosition: bigint }>;

export async function insertDuplicates(
  transaction: Queryable,
  domain: string,
  duplicates: readonly Duplicate[],
): Promise<void> {
  if (duplicates.length === 0) return;
  await transaction.query(
    `insert into duplicates (position, domain, original_position)
     select position, $1, original_position
     from unnest($2::bigint[], $3::bigint[]) as found (position, original_position)`,
    [
      domain,
      duplicates.map(({ position }) => String(position)),
      duplicates.map(({ originalPosition }) => String(originalPosition)),
    ],
  );
}

export async function selectDuplicate(database: Queryable, position: bigint): Promise<Duplicate | undefined> {
  const { rows } = await database.query<Duplicate>(
    `select position, original_position as "originalPosition" from duplicates where position = $1`,
    [String(position)],
  );
  return rows[0];
}
