/** The table `outbox_refusals`: permanently refused events, one per blocked key. */
import type { Queryable } from "../database/queryable.ts";
import type { Place } from "./outbox-checkpoints-table.ts";

/** Events with the same topic and key keep their order. */
export type TopicKey = Readonly<{ topic: string; key: string }>;

export type Refusal = Place &
  TopicKey &
  Readonly<{
    domain: string;
    reason: string;
    state: "blocked" | "released";
    refusedAt: Date;
  }>;

/** Oldest first. */
export async function selectRefusals(
  database: Queryable,
  domains: readonly string[],
  limit: number = REFUSALS_MAX,
): Promise<Refusal[]> {
  const { rows } = await database.query<Refusal>(
    `select domain, position, ordinal, topic, key, reason, state, refused_at as "refusedAt"
     from outbox_refusals where domain = any($1::text[]) order by refused_at, position, ordinal limit $2`,
    [domains, limit],
  );
  return rows;
}

/** Replaces an earlier refusal of the key. */
export async function insertRefusal(
  transaction: Queryable,
  domain: string,
  { position, ordinal, topic, key }: Place & TopicKey,
  reason: string,
): Promise<void> {
  await deleteRefusal(transaction, domain, { topic, key });
  await transaction.query(
    `insert into outbox_refusals (domain, position, ordinal, topic, key, reason) values ($1, $2, $3, $4, $5, $6)`,
    [domain, String(position), ordinal, topic, key, reason],
  );
}

export async function deleteRefusal(
  transaction: Queryable,
  domain: string,
  { topic, key }: TopicKey,
): Promise<void> {
  await transaction.query("delete from outbox_refusals where domain = $1 and topic = $2 and key = $3", [
    domain,
    topic,
    key,
  ]);
}

/**
 * Lets the relay retry the key's events.
 * @returns undefined if no blocked event is at this place.
 */
export async function releaseRefusal(
  transaction: Queryable,
  { position, ordinal }: Place,
): Promise<Refusal | undefined> {
  const { rows } = await transaction.query<Refusal>(
    `update outbox_refusals set state = 'released'
     where position = $1 and ordinal = $2 and state = 'blocked'
     returning domain, position, ordinal, topic, key, reason, 'blocked' as state, refused_at as "refusedAt"`,
    [String(position), ordinal],
  );
  return rows[0];
}

/** More blocked keys suggest a misconfigured topic, so the relay then waits instead. */
export const REFUSALS_MAX = 1_000;
