/**
 * The truth about loms after a run: each command that was acknowledged was decided, by a content that was published under
 * its id, and each service answers for it with the outcome that the table has. No SKU is oversold and every payed order
 * moved its stock once: that is what the checks of the domain say, which the audit of a run asks.
 */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

type Stored = Readonly<{
  id: string;
  content: string;
  position: bigint;
  status: string;
  order: bigint | null;
}>;

export class LomsWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const keys = this.takeFresh();
    const stored = await readTable(database, keys);
    const findings: string[] = [];
    for (const key of keys) {
      const one = stored.get(key);
      if (one === undefined) findings.push(`command ${key} was not decided`);
      else if (!this.wasPublished(key, one.content))
        findings.push(`command ${key} was decided with a content that was never published`);
    }
    for (const service of services) findings.push(...(await compareAnswers(service, stored)));
    return findings;
  }
}

async function readTable(database: Database, keys: readonly string[]): Promise<Map<string, Stored>> {
  const stored = new Map<string, Stored>();
  for (let begin = 0; begin < keys.length; begin += KEYS_PER_QUERY) {
    const { rows } = await database.query<Stored>(
      `select id, md5(payload) as content, position, case when reason is null then 'succeeded' else 'declined' end as status,
              order_id as "order"
       from loms_commands join inbox using (position) where id = any($1::text[])`,
      [keys.slice(begin, begin + KEYS_PER_QUERY)],
    );
    for (const row of rows) stored.set(row.id, row);
  }
  return stored;
}

async function compareAnswers(service: Reader, stored: ReadonlyMap<string, Stored>): Promise<string[]> {
  const findings: string[] = [];
  const rest = stored.entries();
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const [key, { position, status, order }] of rest) {
        const answer = await service.read(key).catch(() => undefined);
        const given = answer && (JSON.parse(answer.toString()) as Record<string, string | undefined>);
        const isSame =
          given?.position === String(position) &&
          given.status === status &&
          given.order_id === (order === null ? undefined : String(order));
        if (!isSame) findings.push(`command ${key} is not answered for by ${service.url} as it was decided`);
      }
    }),
  );
  return findings;
}

const KEYS_PER_QUERY = 5_000;

/** Requests in flight to one service. */
const READERS = 16;
