/** The engine's parts on a test database, as in the service but without sources and server. */
import type { AnyDomain, Projection } from "../../src/contract/domain.ts";
import type { Message } from "../../src/contract/message.ts";
import type { Database } from "../../src/database/database.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { append } from "../../src/inbox/append.ts";
import { Handover } from "../../src/projector/handover.ts";
import { type ProjectedBatch, projectingOf, projectNext } from "../../src/projector/project.ts";
import type { TestDatabase } from "./database.ts";

/** Appends without a wake-up. */
export function appendAll(database: Database, messages: readonly Message[], domain: AnyDomain = orders) {
  return append(database, domain.name, messages, async () => {});
}

/** A domain with another projection. */
export function domainThat(project: Projection["project"], domain: AnyDomain = orders): AnyDomain {
  return { ...domain, createProjection: () => ({ project }) };
}

/** Projects one batch like a live projector, with a new projection instance. */
export function projectOne(
  database: Database,
  domain: AnyDomain = orders,
  handover = new Handover(),
): Promise<ProjectedBatch> {
  return projectNext(database, projectingOf(domain, { isLive: true }), handover);
}

/** Projects until nothing is left. */
export async function projectAll(database: Database, domain: AnyDomain = orders): Promise<void> {
  while ((await projectOne(database, domain)).rows.length > 0);
}

/** The whole projection, for comparisons. */
export async function tablesOf(database: TestDatabase) {
  const rowsOf = async (text: string) => (await database.query(text)).rows;
  return {
    orders: await rowsOf(
      "select order_uid, position, customer_id, track_number, date_created, payload from orders join inbox using (position) order by position",
    ),
    duplicates: await rowsOf("select * from duplicates order by position"),
    deadLetters: await rowsOf("select * from dead_letters order by position"),
    checkpoints: await rowsOf(
      "select domain, position, projected, duplicate, dead from checkpoints order by domain",
    ),
  };
}
