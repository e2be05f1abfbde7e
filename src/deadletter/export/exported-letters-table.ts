/** Dead letters with their whole payloads. */
import type { Queryable } from "../../database/queryable.ts";
import { LISTED_PROBLEMS_MAX, type ListedLetter } from "../find/dead-letter-pages-table.ts";

export type ExportedLetter = ListedLetter & Readonly<{ messageId: string; payload: Buffer }>;

/**
 * In the given order: about `bytesMax` of payload, but at least one letter.
 * @returns the letters, and how many of the positions were read: a rebuild can remove a letter meanwhile.
 */
export async function selectExported(
  database: Queryable,
  positions: readonly bigint[],
  bytesMax: number,
): Promise<{ letters: ExportedLetter[]; read: number }> {
  const { rows } = await database.query<ExportedLetter & { isLetter: boolean }>(
    `with wanted as (
       select inbox.position, place, sum(octet_length(payload)) over (order by place) - octet_length(payload) as bytes
       from unnest($1::bigint[]) with ordinality as given (position, place) join inbox using (position)
     )
     select position, state is not null as "isLetter", inbox.domain, source, inbox.channel, message_id as "messageId",
            state, code, fingerprint, jsonb_path_query_array(errors, '$[0 to ${LISTED_PROBLEMS_MAX - 1}]') as errors,
            jsonb_array_length(errors) as "errorCount", original_position as "originalPosition",
            redrive_of as "redriveOf", payload, octet_length(payload) as "payloadBytes",
            inbox.received_at as "receivedAt"
     from wanted join inbox using (position) left join dead_letters using (position)
     where bytes < $2 order by place`,
    [positions.map(String), bytesMax],
  );
  return { letters: rows.filter(({ isLetter }) => isLetter), read: rows.length };
}
