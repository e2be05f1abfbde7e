/**
 * The truth about the wallet after a run: each command that was acknowledged was decided, by a content that was published
 * under its id, and each service answers for it with the outcome that the table has.
 */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

type Stored = Readonly<{ owner: string; id: string; content: string; position: bigint; status: string }>;

export class WalletWitness extends Journal implements Witness {
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
    const wanted = keys.slice(begin, begin + KEYS_PER_QUERY).map((key) => key.split(" "));
    const { rows } = await database.query<Stored>(
      `select owner, id, md5(payload) as content, position, case when reason is null then 'succeeded' else 'declined' end as status
       from unnest($1::text[], $2::text[]) as wanted (owner, id) join wallet_transactions using (owner, id)
       join inbox using (position)`,
      [wanted.map(([owner]) => owner), wanted.map(([, id]) => id)],
    );
    for (const row of rows) stored.set(`${row.owner} ${row.id}`, row);
  }
  return stored;
}

async function compareAnswers(service: Reader, stored: ReadonlyMap<string, Stored>): Promise<string[]> {
  const findings: string[] = [];
  const rest = stored.entries();
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const [key, { position, status }] of rest) {
        const answer = await service.read(key).catch(() => undefined);
        const given = answer && (JSON.parse(answer.toString()) as { position?: string; status?: string });
        if (given?.position !== String(position) || given.status !== status)
          findings.push(`command ${key} is not answered for by ${service.url} as it was decided`);
      }
    }),
  );
  return findings;
}

const KEYS_PER_QUERY = 5_000;

/** Requests in flight to one service. */
const READERS = 16;
