/** What PostgreSQL alone takes of the same bytes: binary COPY into bare tables, in batches as large as the service's. */
import type pg from "pg";
import { type CopyEncoder, withCopyData } from "../src/database/copy/copy-encoder.ts";
import { runScript } from "../src/database/script.ts";
import { withClient } from "../tools/stack/postgres.ts";

/**
 * @param tables the inbox alone, or with it a table of orders that holds the same bytes again.
 * @returns seconds.
 */
export async function secondsToCopy(
  url: string,
  payloads: readonly Buffer[],
  tables: "inbox" | "inbox and orders",
): Promise<number> {
  return withClient(url, async (client) => {
    await client.query(
      "create table limit_inbox (position bigint primary key, message_id text unique, payload bytea)",
    );
    await client.query(
      "create table limit_orders (order_uid text primary key, position bigint unique, document json)",
    );
    const started = performance.now();
    for (let from = 0; from < payloads.length; from += BATCH) {
      const batch = payloads.slice(from, from + BATCH);
      await client.query("begin");
      await copy(client, "limit_inbox", batch, from, (rows, payload, position) => {
        rows.bigint(position);
        rows.text(`${position}-1700000000000000000`);
        rows.bytes(payload);
      });
      if (tables === "inbox and orders") {
        await copy(client, "limit_orders", batch, from, (rows, payload, position) => {
          rows.text(payload.toString("latin1", ID_FROM, ID_TO));
          rows.bigint(position);
          rows.bytes(payload);
        });
      }
      await client.query("commit");
    }
    return (performance.now() - started) / 1000;
  });
}

async function copy(
  client: pg.Client,
  table: string,
  batch: readonly Buffer[],
  from: number,
  encode: (rows: CopyEncoder, payload: Buffer, position: bigint) => void,
): Promise<void> {
  await withCopyData(
    (rows) => {
      for (const [index, payload] of batch.entries()) {
        rows.row(3);
        encode(rows, payload, BigInt(from + index + 1));
      }
    },
    (data) => runScript(client, `copy ${table} from stdin (format binary)`, data),
  );
}

export const BATCH = 4_000;

/** Where an order's id stands in the text: `{"order_uid":"` comes first. */
const ID_FROM = 14;
const ID_TO = 32;
