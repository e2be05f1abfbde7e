/** Every statement on the `checkpoints` table: how far each domain has come, and its totals. */
import pg from "pg";
import { WAIT_FOR_DISK } from "../database/durability.ts";
import type { Queryable } from "../database/queryable.ts";
import type { Transaction } from "../database/transaction.ts";

export type Checkpoint = Readonly<{
  position: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  generation: bigint;
}>;
type OutcomeCounts = Readonly<{ projected: number; duplicate: number; dead: number }>;

/**
 * Locks the domain's checkpoint until the transaction ends, so that one batch is projected at a time.
 * @param isDurable true if the commit must wait for the disk. If false, a crash of PostgreSQL can take back the last
 * projections, each together with its checkpoint; they are projected again, with the same result, from the inbox, whose
 * commits do wait.
 * @returns the checkpoint, 0 if the domain has none yet.
 */
export async function beginProjection(
  transaction: Transaction,
  domain: string,
  { isDurable }: Readonly<{ isDurable: boolean }>,
): Promise<bigint> {
  const name = pg.escapeLiteral(domain);
  const locked = (columns: string) => `select ${columns} from checkpoints where domain = ${name} for update`;
  const begin = isDurable
    ? locked(`position, ${WAIT_FOR_DISK}`)
    : `set local synchronous_commit = off; ${locked("position")}`;
  for (;;) {
    const [row] = await transaction.script(begin);
    if (row?.[0]) return BigInt(row[0]);
    await transaction.script(
      `insert into checkpoints (domain) values (${name}) on conflict (domain) do nothing`,
    );
  }
}

/** Moves the checkpoint together with the commit. */
export function advanceCheckpoint(
  transaction: Transaction,
  domain: string,
  position: bigint,
  { projected, duplicate, dead }: OutcomeCounts,
): void {
  transaction.sendWithCommit(
    `update checkpoints
     set position = ${position}, projected = projected + ${projected}, duplicate = duplicate + ${duplicate},
         dead = dead + ${dead}, updated_at = now()
     where domain = ${pg.escapeLiteral(domain)}`,
  );
}

/** The domain's checkpoint; zeroes where it has none yet. */
export async function selectCheckpoint(database: Queryable, domain: string): Promise<Checkpoint> {
  const { rows } = await database.query<Checkpoint>(
    "select position, projected, duplicate, dead, generation from checkpoints where domain = $1",
    [domain],
  );
  return rows[0] ?? { position: 0n, projected: 0n, duplicate: 0n, dead: 0n, generation: 0n };
}

/** The outcomes of positions below the checkpoint that were not simply projected. */
export async function selectOutcomes(
  database: Queryable,
  domain: string,
  positions: readonly bigint[],
): Promise<ReadonlyMap<bigint, "duplicate" | "dead">> {
  const { rows } = await database.query<{ position: bigint; outcome: "duplicate" | "dead" }>(
    `select position, 'duplicate' as outcome from duplicates where domain = $1 and position = any($2::bigint[])
     union all
     select position, 'dead' from dead_letters where domain = $1 and position = any($2::bigint[])`,
    [domain, positions.map(String)],
  );
  return new Map(rows.map(({ position, outcome }) => [position, outcome]));
}
