/** Fixed sets of letters to discard or restore, and their progress: `bulk_decisions`, `bulk_decision_letters`. */
import type { Queryable } from "../../database/queryable.ts";
import type { Operator } from "../operator-actions-table.ts";
import type { Decision } from "./discard.ts";

export type BulkDecision = Readonly<{
  id: bigint;
  action: Decision;
  filter: Record<string, string>;
  author: string;
  isVerified: boolean;
  reason: string;
  letters: bigint;
  status: "running" | "finished" | "cancelled";
  place: bigint;
  decided: bigint;
  skipped: bigint;
  createdAt: Date;
  updatedAt: Date;
}>;

export async function insertBulkDecision(
  transaction: Queryable,
  action: Decision,
  { positions, filter }: Readonly<{ positions: readonly bigint[]; filter: object }>,
  { author, reason, isVerified = false }: Operator,
): Promise<bigint> {
  const { rows } = await transaction.query<{ id: bigint }>(
    `insert into bulk_decisions (action, filter, author, reason, letters, is_verified)
     values ($1, $2, $3, $4, $5, $6) returning id`,
    [action, JSON.stringify(filter), author, reason, positions.length, isVerified],
  );
  const { id } = rows[0] as { id: bigint };
  await transaction.query(
    `insert into bulk_decision_letters (decision_id, place, position)
     select $1, place, position from unnest($2::bigint[]) with ordinality as fixed (position, place)`,
    [String(id), positions.map(String)],
  );
  return id;
}

export async function selectBulkDecision(database: Queryable, id: bigint): Promise<BulkDecision | undefined> {
  const { rows } = await database.query<BulkDecision>(`select ${COLUMNS} from bulk_decisions where id = $1`, [
    String(id),
  ]);
  return rows[0];
}

/** Only one worker at a time continues it. */
export async function lockBulkDecision(
  transaction: Queryable,
  id: bigint,
): Promise<BulkDecision | undefined> {
  const { rows } = await transaction.query<BulkDecision>(
    `select ${COLUMNS} from bulk_decisions where id = $1 for update`,
    [String(id)],
  );
  return rows[0];
}

/** Newest first. */
export async function selectBulkDecisions(database: Queryable, limit: number): Promise<BulkDecision[]> {
  const { rows } = await database.query<BulkDecision>(
    `select ${COLUMNS} from bulk_decisions order by id desc limit $1`,
    [limit],
  );
  return rows;
}

export async function selectRunningBulkDecisions(database: Queryable): Promise<bigint[]> {
  const { rows } = await database.query<{ id: bigint }>(
    "select id from bulk_decisions where status = 'running' order by id",
  );
  return rows.map(({ id }) => id);
}

export async function selectNextDecisionLetters(
  database: Queryable,
  id: bigint,
  place: bigint,
  limit: number,
): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position from bulk_decision_letters where decision_id = $1 and place > $2 order by place limit $3`,
    [String(id), String(place), limit],
  );
  return rows.map(({ position }) => position);
}

/** The row must be locked. */
export async function updateBulkDecision(
  transaction: Queryable,
  { id, status, place, decided, skipped }: BulkDecision,
): Promise<void> {
  await transaction.query(
    `update bulk_decisions set status = $2, place = $3, decided = $4, skipped = $5, updated_at = now() where id = $1`,
    [id, status, place, decided, skipped].map(String),
  );
}

const COLUMNS = `id, action, filter, author, is_verified as "isVerified", reason, letters, status, place, decided, skipped,
  created_at as "createdAt", updated_at as "updatedAt"`;
