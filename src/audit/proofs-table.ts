/** What audits proved, and the size of the database at that time. */
import type { Queryable } from "../database/queryable.ts";
import { type SequenceState, sequencesFromJson, sequencesToJson } from "./sequence-gaps.ts";

export type Proof = Readonly<{
  /** Every position up to here has exactly one outcome. */
  position: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  sequences: Readonly<{ position: bigint; state: SequenceState }>;
}>;

export type NewProof = Proof &
  Readonly<{ generation: bigint; broken: bigint; isFull: boolean; bytes: bigint }>;

/**
 * The last proof, if the projection was not replaced, a full audit ran within `fullWithinSeconds`, and no later audit
 * found a violation.
 */
export async function selectProof(
  database: Queryable,
  domain: string,
  generation: bigint,
  fullWithinSeconds: number,
): Promise<(Proof & { fullAt: Date; auditedAt: Date }) | undefined> {
  const { rows } = await database.query<
    Omit<Proof, "sequences"> & { fullAt: Date; auditedAt: Date; numberedPosition: bigint; numbering: object }
  >(
    `select position, projected, duplicate, dead, numbered_position as "numberedPosition", numbering,
            full_proof.audited_at as "fullAt", last.audited_at as "auditedAt"
     from (select * from proofs where domain = $1 order by id desc limit 1) as last
     cross join lateral (
       select id, audited_at from proofs as earlier
       where earlier.domain = $1 and earlier.is_full and earlier.broken = 0 and earlier.generation = last.generation
         and earlier.audited_at > now() - make_interval(secs => $3)
       order by id desc limit 1
     ) as full_proof
     where last.generation = $2
       and not exists (
         select from proofs as later where later.domain = $1 and later.id > full_proof.id and later.broken > 0
       )`,
    [domain, String(generation), fullWithinSeconds],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { numberedPosition: position, numbering, ...proof } = row;
  return { ...proof, sequences: { position, state: sequencesFromJson(numbering) } };
}

export async function insertProof(database: Queryable, domain: string, proof: NewProof): Promise<Date> {
  const { generation, position, projected, duplicate, dead, broken, isFull, sequences, bytes } = proof;
  const { rows } = await database.query<{ auditedAt: Date }>(
    `insert into proofs
       (domain, generation, position, projected, duplicate, dead, broken, is_full, numbered_position, numbering, bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     returning audited_at as "auditedAt"`,
    [
      domain,
      ...[generation, position, projected, duplicate, dead, broken].map(String),
      isFull,
      String(sequences.position),
      sequencesToJson(sequences.state),
      String(bytes),
    ],
  );
  return rows[0]?.auditedAt as Date;
}

/** About a day ago, or at the oldest audit. */
export type GrowthSample = Readonly<{ messages: bigint; bytes: bigint; seconds: number }>;

export async function selectGrowthSample(
  database: Queryable,
  domain: string,
): Promise<GrowthSample | undefined> {
  const { rows } = await database.query<GrowthSample>(
    `select projected + duplicate + dead as messages, bytes,
            extract(epoch from now() - audited_at)::float8 as seconds
     from proofs where domain = $1 and broken = 0
     order by audited_at > now() - interval '1 day', abs(extract(epoch from now() - interval '1 day' - audited_at))
     limit 1`,
    [domain],
  );
  return rows[0];
}

/** With indexes; pg-boss's tables together. Reads file sizes, not rows. */
export async function selectTableBytes(database: Queryable): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await database.query<{ name: string; bytes: bigint }>(
    `select case when nspname = 'pgboss' then 'pgboss' else relname end as name,
            sum(pg_total_relation_size(pg_class.oid))::bigint as bytes
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind = 'r' and nspname in ('public', 'pgboss') group by 1 order by 2 desc`,
  );
  return new Map(rows.map(({ name, bytes }) => [name, bytes]));
}
