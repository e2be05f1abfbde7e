/** Acknowledged messages survive a crash, at any server default for commits. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { insertSourceGap } from "../../src/audit/source-gaps-table.ts";
import { install } from "../../src/cli/install.ts";
import { Database } from "../../src/database/database.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import {
  insertBulkAction,
  insertBulkDecisionAction,
  insertDecisions,
  insertRedrives,
  insertReveals,
} from "../../src/deadletter/operator-actions-table.ts";
import { insertBulkDecision } from "../../src/deadletter/repair/bulk-decisions-table.ts";
import { insertBulkRedrive } from "../../src/deadletter/repair/bulk-redrives-table.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { deleteSessions, insertSession } from "../../src/http/server/sessions-table.ts";
import { append } from "../../src/inbox/append.ts";
import { insertAction } from "../../src/outbox/outbox-actions-table.ts";
import { selectCheckpoint } from "../../src/projector/checkpoints-table.ts";
import { Projector } from "../../src/projector/projector.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { Postgres } from "../../tools/stack/postgres.ts";
import { createDatabase, environment } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { messageOf } from "../support/messages.ts";
import { startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const durability = suite("durability");
const logger = createLogger("silent");

/** A server that loses recent commits: its log reaches the disk ten seconds later. */
async function startForgetfulServer() {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), "forgetful");
  await mkdir(folder, { recursive: true });
  const postgres = await Postgres.create(folder, [
    "synchronous_commit=off",
    "wal_writer_delay=10s",
    "full_page_writes=off",
  ]);
  await postgres.createDatabase("waybill");
  await install(postgres.ownerUrl("waybill"), postgres.serviceUrl("waybill"), [...DOMAINS, ledger]);
  return postgres;
}

durability(
  "synchronous_commit = off: a crash takes back neither an append nor a durable projection",
  async () => {
    const postgres = await startForgetfulServer();
    try {
      const url = postgres.serviceUrl("waybill");
      const crash = async () => {
        await postgres.stop("SIGKILL");
        // Its children keep the shared memory until they notice the death of their parent.
        await until("it starts again", () =>
          postgres.start().then(
            () => true,
            () => false,
          ),
        );
      };
      await crash();
      const positions: bigint[] = [];
      for (const name of ["first", "second"]) {
        await using database = new Database(url, { connectionsMax: 2, logger });
        const known = messageOf("known", { messageId: "known" });
        const messages = name === "first" ? [messageOf(name)] : [known, messageOf(name)];
        if (name === "second") await append(database, "orders", [known], async () => {});
        const { receipts } = await append(database, "orders", messages, async () => {});
        positions.push(...receipts.map(({ position }) => position));
        await crash();
      }
      await using database = new Database(url, { connectionsMax: 2, logger });
      const { rows } = await database.query<{ position: bigint }>(
        "select position from inbox order by position",
      );
      assert.equal(
        rows.map(({ position }) => position),
        positions,
      );
      /** By the live projector. @returns the position that was projected before the crash. */
      const project = async (isDurable: boolean, id: string) => {
        await using projecting = new Database(url, { connectionsMax: 2, logger });
        const { upTo = 0n } = await appendAll(projecting, [messageOf(entryOf(id, "a", 1))], ledger);
        const domain = { ...ledger, isDurable };
        const projector = new Projector({ database: projecting, domain, logger, onProjected: () => {} });
        await projector.reach(upTo);
        await projector.stop();
        await crash();
        return upTo;
      };
      const checkpoint = async () => {
        await using asking = new Database(url, { connectionsMax: 1, logger });
        return (await selectCheckpoint(asking, ledger.name)).position;
      };
      const durable = await project(true, "durable");
      assert.is(await checkpoint(), durable);
      // Without a loss the rest would prove nothing.
      await project(false, "not durable");
      assert.is(await checkpoint(), durable);
      const service = await startAsProcess(url);
      assert.match(await readFile(service.logFile, "utf8"), /"level":(40|"warn").*full_page_writes is off/);
      await service.child.end("SIGTERM");
    } finally {
      await postgres.stop();
    }
  },
);

durability("a commit that waits for more than the disk still does", async () => {
  await using database = await createDatabase();
  await database.admin(
    `alter role waybill in database ${database.name} set synchronous_commit = remote_apply`,
  );
  await using fresh = new Database(database.serviceUrl, { connectionsMax: 1, logger });
  let setting: unknown;
  await append(fresh, "orders", [messageOf("a")], async (transaction) => {
    const { rows } = await transaction.query<{ setting: string }>(
      "select current_setting('synchronous_commit') as setting",
    );
    setting = rows[0]?.setting;
  });
  assert.is(setting, "remote_apply");
});

durability("what operators did waits for the disk too, and what a source found to be gone", async () => {
  await using database = await createDatabase();
  await database.admin(`alter role waybill in database ${database.name} set synchronous_commit = off`);
  await using fresh = new Database(database.serviceUrl, { connectionsMax: 1, logger });
  const by = { author: "Ann", reason: "to see" };
  const letter = { position: 1n, domain: "orders", fingerprint: "0123456789abcdef" };
  const gap = { source: "kafka", channel: "orders", series: "0", from: 1n, to: 2n };
  const acts: Readonly<Record<string, (transaction: Transaction) => Promise<void>>> = {
    reveal: (transaction) => insertReveals(transaction, [1n], by),
    discard: (transaction) => insertDecisions(transaction, "discard", [letter], "discarded", by),
    redrive: (transaction) =>
      insertRedrives(transaction, [{ ...letter, redrivePosition: 2n }], by, { isEdited: false }),
    "begin of a bulk redrive": async (transaction) => {
      const set = { domain: "orders", positions: [1n], filter: {}, failuresMax: 0 };
      const id = await insertBulkRedrive(transaction, set, by);
      await insertBulkAction(transaction, "bulk_redrive", id, by);
    },
    "begin of a bulk discard": async (transaction) => {
      const id = await insertBulkDecision(transaction, "discard", { positions: [1n], filter: {} }, by);
      await insertBulkDecisionAction(transaction, "bulk_discard", id, by);
    },
    "release of an event": (transaction) =>
      insertAction(transaction, {
        ...letter,
        ordinal: 0,
        action: "release",
        refusal: "too large",
        ...by,
        isVerified: false,
      }),
    "end of a session": async (transaction) => {
      const id = Buffer.alloc(32);
      await insertSession(transaction, { id, name: null, tokenMac: id }, 60);
      await deleteSessions(transaction, [id]);
    },
    gap: (transaction) => insertSourceGap(transaction, "orders", gap),
  };
  for (const [name, act] of Object.entries(acts)) {
    const setting = await fresh.transaction(async (transaction) => {
      await act(transaction);
      const { rows } = await transaction.query<{ setting: string }>(
        "select current_setting('synchronous_commit') as setting",
      );
      return rows[0]?.setting;
    });
    assert.is(setting, "on", name);
  }
});

durability.run();
