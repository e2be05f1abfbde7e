/** Every statement on the `checkpoints` table: how far each domain has come, and its totals. */
import type { Queryable } from "../database/pool.ts";

export type Checkpoint = Readonly<{ position: bigint; projected: bigint; duplicate: bigint; dead: bigint }>;
export type OutcomeCounts = Readonly<{ projected: number; duplicate: number; dead: number }>;

/** Locks the domain's checkpoint until the transaction ends, so that one batch is projected at a time. */
export async function lockCheckpoint(transaction: Queryable, domain: string): Promise<bigint> {
  for (;;) {
    const { rows } = await transaction.query<{ position: bigint }>(
      "select position from checkpoints where domain = $1 for update",
      [domain],
    );
    if (rows[0]) return rows[0].position;
    await transaction.query("insert into checkpoints (domain) values ($1) on conflict (domain) do nothing", [
      domain,
    ]);
  }
}

export async function advanceCheckpoint(
  transaction: Queryable,
  domain: string,
  position: bigint,
  counts: OutcomeCounts,
): Promise<void> {
  await transaction.query(
    `update checkpoints
     set position = $2, projected = projected + $3, duplicate = duplicate + $4, dead = dead + $5, updated_at = now()
     where domain = $1`,
    [domain, String(position), counts.projected, counts.duplicate, counts.dead],
  );
}

/** The domain's checkpoint; zeroes where it has none yet. */
export async function selectCheckpoint(database: Queryable, domain: string): Promise<Checkpoint> {
  const { rows } = await database.query<Checkpoint>(
    "select position, projected, duplicate, dead from checkpoints where domain = $1",
    [domain],
  );
  return rows[0] ?? { position: 0n, projected: 0n, duplicate: 0n, dead: 0n };
}
