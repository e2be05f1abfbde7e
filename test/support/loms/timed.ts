/** Commands in the inbox of loms with chosen times of receipt. */
import { loms } from "../../../src/domains/loms/index.ts";
import type { TestDatabase } from "../database.ts";
import { type Asked, START_MS } from "./loms.ts";

/** @param startMs the time of the first command, in milliseconds since the Unix epoch. */
export async function receive(
  database: TestDatabase,
  commands: readonly Asked[],
  startMs = START_MS,
): Promise<void> {
  const rows = commands.map(({ at = 0, ...command }, index): Row => {
    const document = { id: `timed-${index}`, ...command };
    return { id: `timed-${index}`, payload: JSON.stringify(document), at: new Date(startMs + at * 1000) };
  });
  await insert(database, "test", rows);
}

/** The first messages of loms, received long ago: the service then appends nothing that would advance the time. */
export async function receiveFirstMessages(database: TestDatabase, startMs: number): Promise<void> {
  const rows = (loms.firstMessages ?? []).map(
    ({ messageId, payload }): Row => ({ id: messageId, payload: payload.toString(), at: new Date(startMs) }),
  );
  await insert(database, "first", rows);
}

type Row = Readonly<{ id: string; payload: string; at: Date }>;

async function insert(database: TestDatabase, source: string, rows: readonly Row[]): Promise<void> {
  await database.admin(
    `insert into inbox (domain, source, channel, message_id, payload, received_at)
     select $1, $2, $1, id, convert_to(payload, 'UTF8'), at
     from unnest($3::text[], $4::text[], $5::timestamptz[]) as rows (id, payload, at)`,
    [
      loms.name,
      source,
      rows.map(({ id }) => id),
      rows.map(({ payload }) => payload),
      rows.map(({ at }) => at),
    ],
  );
}
