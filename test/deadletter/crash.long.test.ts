/** The service crashes repeatedly during a bulk redrive of 10,000 letters, unchanged and transformed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { append } from "../../src/inbox/append.ts";
import { createDatabase } from "../support/database.ts";
import { messageOf, orderWith } from "../support/messages.ts";
import { auditOf, startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const crash = suite("bulk redrive, crash");

crash("killed in the middle, it goes on after the restart: none twice, none missing", async () => {
  await using database = await createDatabase();
  let service = await startAsProcess(database.serviceUrl);
  for (let batch = 0; batch < 5; batch++) {
    const messages = Array.from({ length: LETTERS / 5 }, (_none, index) =>
      messageOf(orderWith({ order_uid: `letter ${batch}-${index}`, locale: 0 })),
    );
    await append(database, "orders", messages, async () => {});
  }
  await fetch(`${service.url}/orders`, { method: "POST", body: "wakes the projector" });
  const isDead = async () => (await auditOf(service.url)).dead === LETTERS + 1;
  await until("all are dead", isDead);

  const begun = await fetch(`${service.url}/deadletters/redrive`, {
    method: "POST",
    body: JSON.stringify({
      filter: { path: "/locale" },
      author: "Ann",
      reason: "again",
      // Each fails again exactly once.
      failures_max: LETTERS,
    }),
  });
  assert.is(begun.status, 202);
  const path = begun.headers.get("location") as string;
  const progress = async () => {
    const { rows } = await database.query("select redriven::int, status from bulk_redrives");
    return rows[0] as { redriven: number; status: string };
  };
  let kills = 0;
  for (const share of [0.0001, 0.2, 0.5, 0.8]) {
    await until(`${share} of it is done`, async () => (await progress()).redriven >= share * LETTERS);
    if ((await progress()).status !== "running") break;
    await service.child.end("SIGKILL");
    kills += 1;
    service = await startAsProcess(database.serviceUrl);
  }
  assert.ok(kills >= 3, `it was killed only ${kills} times before it was done`);
  const bulk = await until("it has ended", async () => {
    const document = (await (await fetch(`${service.url}${path}`)).json()) as Record<string, unknown>;
    return document.status === "running" ? undefined : document;
  });
  assert.equal([bulk.status, bulk.redriven, bulk.skipped, bulk.dead], ["finished", LETTERS, 0, LETTERS]);
  const { rows } = await database.admin(
    "select count(*)::int as copies, count(distinct redrive_of)::int as originals from inbox where source = 'redrive'",
  );
  assert.equal(rows, [{ copies: LETTERS, originals: LETTERS }]);
  const acts = await database.admin(
    "select count(*)::int as acts, count(distinct position)::int as of from operator_actions where action = 'redrive'",
  );
  assert.equal(acts.rows, [{ acts: LETTERS, of: LETTERS }]);
  const sum = await auditOf(service.url);
  assert.equal([sum.holds, sum.pending, sum.dead], [true, 0, 2 * LETTERS + 1]);

  // The letters that failed again are repaired by a step.
  const repair = await fetch(`${service.url}/deadletters/transform`, {
    method: "POST",
    body: JSON.stringify({
      filter: { path: "/locale" },
      limit: LETTERS,
      steps: [{ op: "cast", path: "/locale", to: "string" }],
      author: "Ann",
      reason: "text",
    }),
  });
  assert.is(repair.status, 202);
  const { id } = (await repair.json()) as { id: string };
  const repaired = async () => {
    const { rows } = await database.query("select redriven::int, status from bulk_redrives where id = $1", [
      id,
    ]);
    return rows[0] as { redriven: number; status: string };
  };
  for (const share of [0.0001, 0.3, 0.6]) {
    await until(`${share} of it is repaired`, async () => (await repaired()).redriven >= share * LETTERS);
    await service.child.end("SIGKILL");
    service = await startAsProcess(database.serviceUrl);
  }
  await until("the repair has ended", async () => (await repaired()).status !== "running");
  assert.equal(await repaired(), { redriven: LETTERS, status: "finished" });
  const after = await auditOf(service.url);
  assert.equal([after.holds, after.pending, after.projected], [true, 0, LETTERS]);
  const copies = await database.admin(
    "select count(*)::int as copies, count(distinct redrive_of)::int as originals from inbox where source = 'redrive'",
  );
  assert.equal(copies.rows, [{ copies: 2 * LETTERS, originals: 2 * LETTERS }]);
  await service.child.end("SIGTERM");
});

const LETTERS = 10_000;

crash.run();
