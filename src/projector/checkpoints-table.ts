/** How far each domain is projected, and its totals. */
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
 * @param isDurable if false, a crash of PostgreSQL can undo the last projections with their checkpoint; they are
 * repeated with the same result from the inbox, whose commits wait for the disk.
 * @returns the checkpoint; 0 for a new domain.
 */
export async function beginProjection(
  transaction: Transaction,
  domain: string,
  { isDurable }: Readonly<{ isDurable: boolean }>,
): Promise<bigint> {
  const begin = lockStatements(domain, isDurable, "for update");
  for (;;) {
    const [row] = await transaction.script(begin);
    if (row?.[0]) return BigInt(row[0]);
    await insertCheckpoint(transaction, domain);
  }
}

/**
 * Like `beginProjection`, but does not wait for another process.
 * @returns the checkpoint, and whether it is locked.
 */
export async function tryToBeginProjection(
  transaction: Transaction,
  domain: string,
  { isDurable }: Readonly<{ isDurable: boolean }>,
): Promise<Readonly<{ checkpoint: bigint; isLocked: boolean }>> {
  const seen = `select position from checkpoints where domain = ${pg.escapeLiteral(domain)}`;
  const begin = `${lockStatements(domain, isDurable, "for update skip locked")}; ${seen}`;
  for (;;) {
    const rows = await transaction.script(begin);
    if (rows[0]?.[0]) return { checkpoint: BigInt(rows[0][0]), isLocked: rows.length === 2 };
    await insertCheckpoint(transaction, domain);
  }
}

function lockStatements(domain: string, isDurable: boolean, lock: string): string {
  const select = (columns: string) =>
    `select ${columns} from checkpoints where domain = ${pg.escapeLiteral(domain)} ${lock}`;
  return isDurable
    ? select(`position, ${WAIT_FOR_DISK}`)
    : `set local synchronous_commit = off; ${select("position")}`;
}

async function insertCheckpoint(transaction: Transaction, domain: string): Promise<void> {
  const name = pg.escapeLiteral(domain);
  await transaction.script(
    `insert into checkpoints (domain) values (${name}) on conflict (domain) do nothing`,
  );
}

/** Takes effect with the commit. */
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

/** Zeroes for a new domain. */
export async function selectCheckpoint(database: Queryable, domain: string): Promise<Checkpoint> {
  const { rows } = await database.query<Checkpoint>(
    "select position, projected, duplicate, dead, generation from checkpoints where domain = $1",
    [domain],
  );
  return rows[0] ?? { position: 0n, projected: 0n, duplicate: 0n, dead: 0n, generation: 0n };
}

/** Without `projected` ones. */
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
