/** Messages to a real HTTP receiver, from processes that share a database. */
import { createHmac } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Alert } from "../../src/notify/alert.ts";
import type { Reading } from "../../src/notify/detector.ts";
import type { NotifyFormat } from "../../src/notify/formats.ts";
import { MemoryLedger, TableLedger } from "../../src/notify/ledger.ts";
import { Notifier } from "../../src/notify/notifier.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";
import { runWaybill } from "../support/waybill.ts";
import { type Received, receiver } from "../support/webhook.ts";

const notifier = suite("notifier");
const LOOK_MS = 61_000;
const SECRET = Buffer.alloc(32, 7);

const STALLED: Alert = {
  kind: "projector_stalled",
  labels: { domain: "invoices" },
  severity: "page",
  summary: "The projection of <invoices> is stalled.",
  url: "https://waybill.example/ui/status",
};
const DATABASE: Alert = { ...STALLED, kind: "database_unavailable", labels: { process: "a" } };

/** One process, whose clock of conditions the test moves. */
function processOf(
  database: TestDatabase,
  url: string,
  { format = "generic", timeoutMs = 2_000 }: Readonly<{ format?: NotifyFormat; timeoutMs?: number }> = {},
) {
  const counts = { sent: 0, failed: 0 };
  const state = { firing: [] as Alert[], atMs: 0 };
  const instance = new Notifier({
    webhook: { url, format, secret: SECRET, timeoutMs },
    read: async (): Promise<Reading> => {
      // More than an alert needs to resolve.
      state.atMs += LOOK_MS;
      const conditions = state.firing.map((alert) => ({ alert, holdSeconds: 0 }));
      return { atMs: state.atMs, conditions, unknown: [], young: [] };
    },
    memory: new MemoryLedger(),
    table: new TableLedger(database, { unseenSeconds: 0.5, leaseSeconds: 1, repeatSeconds: null }),
    onSent: () => counts.sent++,
    onFailed: () => counts.failed++,
    logger: createLogger("silent"),
    intervalMs: 25,
  });
  instance.start();
  return { state, counts, [Symbol.dispose]: () => instance.stop() };
}

notifier("two processes send one signed message when an alert fires, and one when it resolved", async () => {
  await using database = await createDatabase();
  await using hook = await receiver();
  using first = processOf(database, hook.url);
  using second = processOf(database, hook.url);
  first.state.firing = second.state.firing = [STALLED];
  await until("it fires", () => hook.received.length > 0);
  first.state.firing = [];
  const rows = async () => (await database.query("select ended_at, settled from notify_alerts")).rows;
  const seenAt = async () =>
    (await database.query("select seen_at from notify_alerts")).rows[0].seen_at.getTime();
  const before = await seenAt();
  await until("the second process still sees it", async () => (await seenAt()) > before + 600);
  assert.is(hook.received.length, 1, "an alert that one process sees is not resolved");
  second.state.firing = [];
  await until("it is resolved", async () => (await rows())[0].settled === "resolved");

  assert.equal(
    hook.received.map(({ json }) => json.type),
    ["alert.firing", "alert.resolved"],
  );
  const [fired, resolved] = hook.received as [Received, Received];
  assert.is(fired.json.data.id, resolved.json.data.id);
  assert.is(first.counts.sent + second.counts.sent, 2);
  for (const { headers, text } of hook.received) {
    // Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`, in Base64 after the version.
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
    const expected = `v1,${createHmac("sha256", SECRET).update(signed).digest("base64")}`;
    assert.is(headers["webhook-signature"], expected);
    assert.ok(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000) < 60);
  }
  assert.is.not(fired.headers["webhook-id"], resolved.headers["webhook-id"]);
});

notifier("a failed message is sent again under its id, also by another process after a crash", async () => {
  await using database = await createDatabase();
  await using hook = await receiver((count) => (count <= 2 ? [503, undefined][count - 1] : 204));
  {
    using dying = processOf(database, hook.url, { timeoutMs: 60_000 });
    dying.state.firing = [STALLED];
    await until("the second attempt hangs", () => hook.received.length === 2);
    assert.is(dying.counts.failed, 1);
  }
  using next = processOf(database, hook.url);
  next.state.firing = [STALLED];
  await until("the next process delivers it", () => next.counts.sent === 1);
  assert.is(new Set(hook.received.map(({ headers }) => headers["webhook-id"])).size, 1);
});

notifier(
  "a refusal and a redirect are final, and a slow receiver delays neither detection nor stop",
  async () => {
    await using database = await createDatabase();
    for (const status of [400, 302]) {
      await database.query("delete from notify_alerts");
      await using refusing = await receiver(() => status);
      using process = processOf(database, refusing.url);
      process.state.firing = [STALLED];
      await until("it is given up", async () => {
        const { rows } = await database.query("select settled from notify_alerts");
        return rows[0]?.settled === "firing";
      });
      const looksBefore = process.state.atMs;
      await until("some looks passed", () => process.state.atMs > looksBefore + 10 * LOOK_MS);
      assert.equal([refusing.received.length, process.counts.failed], [1, 1], String(status));
    }
    await database.query("delete from notify_alerts");
    await using silent = await receiver(() => undefined);
    const process = processOf(database, silent.url, { timeoutMs: 60_000 });
    process.state.firing = [STALLED];
    await until("the attempt hangs", () => silent.received.length === 1);
    const looksBefore = process.state.atMs;
    await until("it still looks", () => process.state.atMs > looksBefore + 10 * LOOK_MS);
    process[Symbol.dispose]();
    assert.is(silent.received.length, 1, "one attempt at a time");
  },
);

notifier(
  "an alert about the database is told from memory, in the format of Slack and of Alertmanager",
  async () => {
    const database = await createDatabase();
    await database[Symbol.asyncDispose]();
    for (const format of ["slack", "alertmanager"] as const) {
      await using hook = await receiver();
      using process = processOf(database, hook.url, { format });
      process.state.firing = [DATABASE, STALLED];
      await until("it is told", () => hook.received.length === 1);
      process.state.firing = [];
      await until("it is resolved", () => hook.received.length === 2);
      const [fired, resolved] = hook.received as [Received, Received];
      if (format === "slack") {
        assert.equal(fired.json, {
          text: "Firing: The projection of &lt;invoices&gt; is stalled. <https://waybill.example/ui/status|Open>",
        });
        assert.match(resolved.json.text, /^Resolved: /);
      } else {
        const [{ labels, annotations, startsAt, endsAt }] = fired.json;
        assert.is(labels.alertname, "WaybillDatabaseUnavailable");
        assert.equal([labels.severity, annotations.summary], ["page", DATABASE.summary]);
        assert.ok(Date.parse(endsAt) > Date.now() && Date.parse(startsAt) <= Date.now());
        assert.ok(Date.parse(resolved.json[0].endsAt) <= Date.now());
      }
    }
  },
);

notifier("the service tells of a surge of dead letters, with a link and without their contents", async () => {
  await using database = await createDatabase();
  await using hook = await receiver();
  await using service = await startInProcess(database, {
    NOTIFY_URL: hook.url,
    NOTIFY_SURGE_LETTERS: "3",
    PUBLIC_URL: "http://localhost:3000",
  });
  for (let index = 0; index < 4; index++)
    await fetch(`${service.url}/orders`, { method: "POST", body: `ann@example.com ${index}` });
  await until("the webhook is told", () => hook.received.length > 0);
  const [{ json, text }] = hook.received as [Received];
  const { labels, summary, url } = json.data;
  assert.equal([labels.domain, labels.code], ["orders", "not_json"]);
  assert.is(summary, "4 new dead letters of orders within ten minutes with one cause (not_json).");
  assert.match(
    url,
    /^http:\/\/localhost:3000\/ui\/dead-letter-list\?domain=orders&fingerprint=[0-9a-f]{16}$/,
  );
  assert.not.match(text, /ann@/);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(metrics, /^waybill_notify_sent_total 1$/m);
});

notifier("waybill notify test sends a sample and tells the status without the URL", async () => {
  await using hook = await receiver((count) => (count === 1 ? 200 : 403));
  const environment = { NOTIFY_URL: hook.url, NOTIFY_SECRET: `whsec_${SECRET.toString("base64")}` };
  const delivered = await runWaybill(["notify", "test"], environment);
  assert.equal([delivered.status, delivered.stdout], [0, "Delivered: status 200.\n"]);
  const refused = await runWaybill(["notify", "test", "--json"], environment);
  assert.equal([refused.status, JSON.parse(refused.stdout)], [1, { delivered: false, result: "status 403" }]);
  const missing = await runWaybill(["notify", "test"], { NOTIFY_URL: "" });
  assert.is(missing.status, 2);
  assert.not.match(delivered.output + refused.output, /hidden/);
});

notifier.run();
