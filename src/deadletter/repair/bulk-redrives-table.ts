/** Fixed sets of letters and their progress: `bulk_redrives`, `bulk_redrive_letters`. */
import type { RejectionCode } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Operator } from "../operator-actions-table.ts";

export type BulkRedrive = Readonly<{
  id: bigint;
  domain: string;
  filter: Record<string, string>;
  author: string;
  isVerified: boolean;
  reason: string;
  failuresMax: bigint;
  /** JSON; null if the letters are redriven unchanged. */
  steps: string | null;
  letters: bigint;
  status: "running" | "finished" | "stopped" | "cancelled";
  place: bigint;
  redriven: bigint;
  skipped: bigint;
  /** Letters that the steps do not change or cannot be applied to. */
  leftOpen: bigint;
  /** Why it stopped, unless letters failed again. */
  problem: string | null;
  lastPosition: bigint;
  settledPosition: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  createdAt: Date;
  updatedAt: Date;
}>;

export async function insertBulkRedrive(
  transaction: Queryable,
  {
    domain,
    positions,
    filter,
    failuresMax,
    steps,
  }: Readonly<{
    domain: string;
    positions: readonly bigint[];
    filter: object;
    failuresMax: number;
    steps?: string | undefined;
  }>,
  { author, reason, isVerified = false }: Operator,
): Promise<bigint> {
  const { rows } = await transaction.query<{ id: bigint }>(
    `insert into bulk_redrives (domain, filter, author, reason, failures_max, letters, is_verified, steps)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    [
      domain,
      JSON.stringify(filter),
      author,
      reason,
      failuresMax,
      positions.length,
      isVerified,
      steps ?? null,
    ],
  );
  const { id } = rows[0] as { id: bigint };
  await transaction.query(
    `insert into bulk_redrive_letters (bulk_id, place, position)
     select $1, place, position from unnest($2::bigint[]) with ordinality as frozen (position, place)`,
    [String(id), positions.map(String)],
  );
  return id;
}

export async function selectBulkRedrive(database: Queryable, id: bigint): Promise<BulkRedrive | undefined> {
  const { rows } = await database.query<BulkRedrive>(`select ${COLUMNS} from bulk_redrives where id = $1`, [
    String(id),
  ]);
  return rows[0];
}

/** Only one worker at a time continues the redrive. */
export async function lockBulkRedrive(transaction: Queryable, id: bigint): Promise<BulkRedrive | undefined> {
  const { rows } = await transaction.query<BulkRedrive>(
    `select ${COLUMNS} from bulk_redrives where id = $1 for update`,
    [String(id)],
  );
  return rows[0];
}

/** Newest first. */
export async function selectBulkRedrives(database: Queryable, limit: number): Promise<BulkRedrive[]> {
  const { rows } = await database.query<BulkRedrive>(
    `select ${COLUMNS} from bulk_redrives order by id desc limit $1`,
    [limit],
  );
  return rows;
}

export async function selectRunningBulkRedrives(database: Queryable): Promise<bigint[]> {
  const { rows } = await database.query<{ id: bigint }>(
    "select id from bulk_redrives where status = 'running' order by id",
  );
  return rows.map(({ id }) => id);
}

/** @param bytesMax approximate; at least one letter. `isOpen` can change until the letter is locked. */
export async function selectNextLetters(
  database: Queryable,
  id: bigint,
  place: bigint,
  limit: number,
  bytesMax: number,
): Promise<{ position: bigint; isOpen: boolean }[]> {
  const { rows } = await database.query<{ position: bigint; isOpen: boolean }>(
    `with next as (
       select place, position from bulk_redrive_letters where bulk_id = $1 and place > $2 order by place limit $3
     ), measured as (
       select place, position, sum(octet_length(payload)) over (order by place) - octet_length(payload) as bytes
       from next join inbox using (position)
     )
     select position, exists (
       select from dead_letters where dead_letters.position = measured.position and state = 'open'
     ) as "isOpen"
     from measured where bytes < $4 order by place`,
    [String(id), String(place), limit, bytesMax],
  );
  return rows;
}

/** The row must be locked. */
export async function updateBulkRedrive(transaction: Queryable, bulk: BulkRedrive): Promise<void> {
  await transaction.query(
    `update bulk_redrives set status = $2, place = $3, redriven = $4, skipped = $5, last_position = $6,
            settled_position = $7, projected = $8, duplicate = $9, dead = $10, left_open = $11, problem = $12,
            updated_at = now()
     where id = $1`,
    [
      bulk.id,
      bulk.status,
      bulk.place,
      bulk.redriven,
      bulk.skipped,
      bulk.lastPosition,
      bulk.settledPosition,
      bulk.projected,
      bulk.duplicate,
      bulk.dead,
      bulk.leftOpen,
    ]
      .map<string | null>(String)
      .concat(bulk.problem),
  );
}

/** Redrives in this range must have outcomes. */
export async function countOutcomes(
  database: Queryable,
  id: bigint,
  above: bigint,
  upTo: bigint,
): Promise<{ projected: bigint; duplicate: bigint; dead: bigint }> {
  const { rows } = await database.query<{ projected: bigint; duplicate: bigint; dead: bigint }>(
    `select count(*) filter (where letter.position is null and duplicate.position is null) as projected,
            count(*) filter (where duplicate.position is not null) as duplicate,
            count(*) filter (where letter.position is not null) as dead
     from operator_actions as actions
     left join dead_letters as letter on letter.position = actions.redrive_position
     left join duplicates as duplicate on duplicate.position = actions.redrive_position
     where actions.bulk_id = $1 and actions.redrive_position > $2 and actions.redrive_position <= $3`,
    [String(id), String(above), String(upTo)],
  );
  return rows[0] as { projected: bigint; duplicate: bigint; dead: bigint };
}

export type FailureGroup = Readonly<{
  fingerprint: string;
  code: RejectionCode;
  letters: bigint;
  samplePosition: bigint;
}>;

/** Failed redrives by cause, largest group first. */
export async function selectFailures(database: Queryable, id: bigint): Promise<FailureGroup[]> {
  const { rows } = await database.query<FailureGroup>(
    `select fingerprint, code, count(*) as letters, max(letter.position) as "samplePosition"
     from (select redrive_position as position from operator_actions
           where bulk_id = $1 and redrive_position is not null) as redriven
     join (select position, fingerprint, code from dead_letters) as letter using (position)
     group by fingerprint, code order by letters desc limit ${FAILURE_GROUPS_MAX}`,
    [String(id)],
  );
  return rows;
}

const COLUMNS = `id, domain, filter, author, is_verified as "isVerified", reason, failures_max as "failuresMax", steps, letters, status, place,
  redriven, skipped, left_open as "leftOpen", problem,
  last_position as "lastPosition", settled_position as "settledPosition", projected, duplicate, dead,
  created_at as "createdAt", updated_at as "updatedAt"`;

const FAILURE_GROUPS_MAX = 20;
