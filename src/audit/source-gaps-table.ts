/** Messages that sources found removed at their broker. */

import type { SourceGap } from "../contract/source.ts";
import { WAIT_FOR_DISK } from "../database/durability.ts";
import type { Queryable } from "../database/queryable.ts";

/** Once, however often it is reported. Waits for the disk, because the source may never notice it again. */
export async function insertSourceGap(database: Queryable, domain: string, gap: SourceGap): Promise<void> {
  await database.query(
    `insert into source_gaps (domain, source, channel, series, first_number, last_number)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing
     returning ${WAIT_FOR_DISK}`,
    [domain, gap.source, gap.channel, gap.series, String(gap.from), String(gap.to)],
  );
}

/** Merges overlapping and adjacent gaps. */
export async function selectSourceGaps(database: Queryable, domain: string): Promise<SourceGap[]> {
  const { rows } = await database.query<SourceGap>(
    `select source, channel, series, lower(numbers) as "from", upper(numbers) - 1 as "to"
     from (
       select source, channel, series, unnest(range_agg(int8range(first_number, last_number, '[]'))) as numbers
       from source_gaps where domain = $1
       group by source, channel, series
     ) as merged
     order by source, channel, series, numbers`,
    [domain],
  );
  return rows;
}
