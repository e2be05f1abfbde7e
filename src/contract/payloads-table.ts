/** Payloads for domains that compare a message with an earlier one. */
import type { Queryable } from "../database/queryable.ts";

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
