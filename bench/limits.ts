/** Binary COPY of the same bytes into bare tables, in the service's batches. */
import type pg from "pg";
import { type CopyEncoder, withCopyData } from "../src/database/copy/copy-encoder.ts";
import { runScript } from "../src/database/script.ts";
import { withClient } from "../tools/stack/postgres.ts";

/**
 * @param tables the inbox alone, or also orders with the same bytes.
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
    for (let start = 0; start < payloads.length; start += BATCH) {
      const batch = payloads.slice(start, start + BATCH);
      await client.query("begin");
      await copy(client, "limit_inbox", batch, start, (rows, payload, position) => {
        rows.bigint(position);
        rows.text(`${position}-1700000000000000000`);
        rows.bytes(payload);
      });
      if (tables === "inbox and orders") {
        await copy(client, "limit_orders", batch, start, (rows, payload, position) => {
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
  start: number,
  encode: (rows: CopyEncoder, payload: Buffer, position: bigint) => void,
): Promise<void> {
  await withCopyData(
    (rows) => {
      for (const [index, payload] of batch.entries()) {
        rows.row(3);
        encode(rows, payload, BigInt(start + index + 1));
      }
    },
    (data) => runScript(client, `copy ${table} from stdin (format binary)`, data),
  );
}

export const BATCH = 4_000;

/** Of the id: the JSON begins with `{"order_uid":"`. */
const ID_FROM = 14;
const ID_TO = 32;
