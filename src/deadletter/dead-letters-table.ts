/** Every statement on the `dead_letters` table. */
import type { Queryable } from "../database/pool.ts";
import type { Problem, Rejection } from "../projector/rejection.ts";
import { fingerprintOf } from "./fingerprint.ts";

export type DeadLetter = Readonly<{
  position: bigint;
  code: string;
  fingerprint: string;
  errors: readonly Problem[];
  originalPosition: bigint | null;
}>;

export async function insertDeadLetters(
  transaction: Queryable,
  domain: string,
  letters: readonly Readonly<{ position: bigint; rejection: Rejection }>[],
): Promise<void> {
  if (letters.length === 0) return;
  await transaction.query(
    `insert into dead_letters (position, domain, code, fingerprint, errors, original_position)
     select position, $1, code, fingerprint, errors, original_position
     from unnest($2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::bigint[])
       as buried (position, code, fingerprint, errors, original_position)`,
    [
      domain,
      letters.map(({ position }) => String(position)),
      letters.map(({ rejection }) => rejection.code),
      letters.map(({ rejection }) => fingerprintOf(rejection)),
      letters.map(({ rejection }) => JSON.stringify(rejection.problems)),
      letters.map(({ rejection }) => rejection.originalPosition?.toString() ?? null),
    ],
  );
}

export async function selectDeadLetter(
  database: Queryable,
  position: bigint,
): Promise<DeadLetter | undefined> {
  const { rows } = await database.query<DeadLetter>(
    `select position, code, fingerprint, errors, original_position as "originalPosition"
     from dead_letters where position = $1`,
    [String(position)],
  );
  return rows[0];
}
