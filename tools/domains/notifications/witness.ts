/**
 * The truth about notifications after a run: each event that was acknowledged has its row, with a content that was
 * published, and each service lists as many messages as the table has. Each user of a run has one order.
 */
import type { Database } from "../../../src/database/database.ts";
import { Journal } from "../journal.ts";
import type { Reader, Witness } from "../kit.ts";

export class NotificationsWitness extends Journal implements Witness {
  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const users = this.takeFresh();
    const stored = await readTable(database, users);
    const findings: string[] = [];
    for (const [index, user] of users.entries()) {
      const contents = stored.get(user) ?? [];
      if (contents.length === 0) findings.push(`user ${index} of the run has no message`);
      if (contents.some((content) => !this.wasPublished(user, content)))
        findings.push(`user ${index} of the run has a message that was never published`);
      for (const service of services) {
        const answer = await service.read(user).catch(() => undefined);
        const { messages = [] } = answer ? (JSON.parse(answer.toString()) as { messages?: object[] }) : {};
        if (messages.length !== contents.length)
          findings.push(`user ${index} of the run hears otherwise from ${service.url} than it is stored`);
      }
    }
    return findings;
  }
}

/** The hashes of the payloads of each user's changes. */
async function readTable(database: Database, users: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await database.query<{ user: string; contents: string[] }>(
    `select user_id::text as user, array_agg(md5(payload)) as contents
     from notifications_changes join inbox using (position) where user_id = any($1::bigint[]) group by user_id`,
    [users],
  );
  return new Map(rows.map(({ user, contents }) => [user, contents]));
}
