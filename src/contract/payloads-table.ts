/** What a domain reads of the inbox beside its batches. */
import type { Queryable } from "../database/queryable.ts";

/** The payloads of positions, as they arrived. */
export async function selectPayloads(
  database: Queryable,
  positions: readonly bigint[],
): Promise<Map<bigint, Buffer>> {
  if (positions.length === 0) return new Map();
  const { rows } = await database.query<{ position: bigint; payload: Buffer }>(
    "select position, payload from inbox where position = any($1::bigint[])",
    [positions.map(String)],
  );
  return new Map(rows.map(({ position, payload }) => [position, payload]));
}
