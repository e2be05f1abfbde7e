/**
 * What the engine expects of every domain. Each domain of the project and the ledger, a small domain with state, pass
 * the same tests. A new domain is one entry in DOMAINS_UNDER_TEST.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import type { AnyDomain } from "../../src/contract/domain.ts";
import type { InboxRow, Message } from "../../src/contract/message.ts";
import { cart } from "../../src/domains/cart/index.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { loms } from "../../src/domains/loms/index.ts";
import { notifications } from "../../src/domains/notifications/index.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { product } from "../../src/domains/product/index.ts";
import { wallet } from "../../src/domains/wallet/index.ts";
import { firstMessagesOf } from "../../src/inbox/first-messages.ts";
import { Handover } from "../../src/projector/handover.ts";
import { projectInSavepoints, projectingOf, projectNext } from "../../src/projector/project.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { cartMessages, validCartCommands } from "../support/cart/messages.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { ledger } from "../support/ledger/index.ts";
import { ledgerMessages, validEntries } from "../support/ledger/messages.ts";
import { lomsMessages, validCommands as validLomsCommands } from "../support/loms/messages.ts";
import { messageOf, mixedMessages, validOrders } from "../support/messages.ts";
import { notificationsMessages, validEvents } from "../support/notifications/messages.ts";
import { productMessages, validProducts } from "../support/product/messages.ts";
import { randomOf } from "../support/random.ts";
import { validCommands, walletMessages } from "../support/wallet/messages.ts";

type DomainUnderTest = Readonly<{
  domain: AnyDomain;
  /** Accepted by the domain in an empty database. */
  valid: (count: number) => Message[];
  /** Valid messages with duplicates, conflicts and invalid ones among them. */
  messages: (count: number, seed: number) => Message[];
}>;

const DOMAINS_UNDER_TEST: readonly DomainUnderTest[] = [
  { domain: orders, valid: validOrders, messages: mixedMessages },
  { domain: ledger, valid: validEntries, messages: ledgerMessages },
  { domain: wallet, valid: validCommands, messages: walletMessages },
  { domain: product, valid: validProducts, messages: productMessages },
  { domain: loms, valid: validLomsCommands, messages: lomsMessages },
  { domain: cart, valid: validCartCommands, messages: cartMessages },
  { domain: notifications, valid: validEvents, messages: notificationsMessages },
];

/** Bytes that no domain can parse, with the code of their dead letter. */
const GARBAGE: readonly (readonly [payload: Buffer | string, code: string])[] = [
  ["", "empty"],
  [Buffer.from([0xff, 0xfe, 0x00]), "not_utf8"],
  ["{", "not_json"],
  ["NaN", "not_json"],
  ["[".repeat(65) + "]".repeat(65), "schema"],
  ['{"a":1,"a":2}', "schema"],
  ['{"a":"\\u0000"}', "schema"],
  ['{"a":"\\ud800"}', "schema"],
  ["null", "schema"],
  ["9007199254740993", "schema"],
  ['{"__proto__":{"id":"x"}}', "schema"],
  [`[${"0,".repeat(20_000)}0]`, "schema"],
  [Buffer.alloc(8 * 1024 * 1024, "x"), "too_large"],
];

const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

for (const { domain, valid, messages } of DOMAINS_UNDER_TEST) {
  const conforms = suite(`domain ${domain.name} (seed ${SEED})`);

  conforms("each kind of garbage becomes one dead letter, and delays no neighbour", async () => {
    await using database = await databaseOf(domain);
    const all = [...GARBAGE.map(([payload]) => messageOf(payload)), ...valid(1)];
    await appendAll(database, all, domain);
    await projectAll(database, domain);
    const { rows } = await database.query<{ code: string }>(
      "select code from dead_letters order by position",
    );
    assert.equal(
      rows.map(({ code }) => code),
      GARBAGE.map(([, code]) => code),
    );
    const { projected } = await checkpointOf(database, domain);
    assert.is(projected, 1n);
    await assertProved(database, domain);
  });

  conforms("what the domain begins with is accepted, each message once", async () => {
    const messages = firstMessagesOf(domain);
    assert.is(new Set(messages.map(({ messageId }) => messageId)).size, messages.length);
    await using database = await databaseOf(domain);
    for (let start = 0; start < 2; start++) await appendAll(database, messages, domain);
    await projectAll(database, domain);
    assert.is((await checkpointOf(database, domain)).projected, BigInt(messages.length));
    await assertProved(database, domain);
  });

  conforms("any batching, from memory or from the table, gives the same tables", async () => {
    await using database = await databaseOf(domain);
    const random = randomOf(SEED);
    const handover = new Handover();
    const live = projectingOf(domain, { isLive: true });
    const all = messages(200, SEED);
    for (let from = 0; from < all.length; ) {
      const batch = all.slice(from, from + 1 + Math.floor(random() * 60));
      from += batch.length;
      handover.put(batch, await appendAll(database, batch, domain));
      await projectNext(database, live, handover);
    }
    const fromMemory = await everythingOf(database, domain);
    await assertProved(database, domain);
    for (const rowsMax of [1_000, 1, 1 + Math.floor(random() * 50)]) {
      await forgetProjection(database, domain);
      const again = projectingOf(domain, { isLive: true });
      while ((await projectNext(database, again, new Handover(), rowsMax)).rows.length > 0);
      assert.equal(await everythingOf(database, domain), fromMemory, `in batches of ${rowsMax}`);
    }
  });

  conforms("a row is the same from memory and from the table", async () => {
    await using database = await databaseOf(domain);
    const seen: InboxRow[][] = [];
    const recording: AnyDomain = {
      ...domain,
      createProjection: () => ({
        project: async (batch) => {
          seen.push([...batch]);
          return { outcomes: batch.map(() => ({ kind: "dead", rejection: REJECTION })) };
        },
      }),
    };
    const headers = '{"headers": [["owner", "ann"], ["n", null]], "key": {"base64": "/w=="}}';
    const batch = [
      ...messages(5, SEED),
      messageOf("with everything", { headers, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }),
      messageOf("with nothing", { publishedAtMs: undefined }),
    ];
    const handover = new Handover();
    handover.put(batch, await appendAll(database, batch, domain));
    await projectNext(database, projectingOf(recording, { isLive: true }), handover);
    await forgetProjection(database, domain);
    await projectNext(database, projectingOf(recording, { isLive: true }), new Handover());
    const [fromMemory = [], fromTable = []] = seen.map((rows) => rows.map(comparable));
    assert.is(fromMemory.length, batch.length);
    assert.equal(fromTable, fromMemory);
  });

  conforms("a rebuild finds no difference, and adds no event", async () => {
    await using database = await databaseOf(domain);
    await appendAll(database, messages(300, SEED), domain);
    await projectAll(database, domain);
    const before = await everythingOf(database, domain);
    for (const isDryRun of [true, false]) {
      const report = await rebuild({
        ownerUrl: database.ownerUrl,
        domain,
        isDryRun,
        logger: createLogger("silent"),
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      assert.equal(report.changes, []);
      assert.equal(await everythingOf(database, domain), before);
    }
    await assertProved(database, domain);
  });

  conforms("what is only tried leaves nothing, and teaches the live projection nothing", async () => {
    await using database = await databaseOf(domain);
    const live = projectingOf(domain, { isLive: true });
    const all = messages(100, SEED);
    await appendAll(database, all, domain);
    await projectNext(database, live, new Handover());
    const before = await everythingOf(database, domain);
    await database.attempt(async (transaction) => {
      const rows = all.map((message, index) => ({
        position: 2n ** 62n + BigInt(index),
        messageId: message.messageId,
        payload: message.payload,
        headersJson: undefined,
        receivedAtMs: 0,
        publishedAtMs: undefined,
      }));
      const trial = projectingOf(domain, { isLive: false });
      const { outcomes } = await projectInSavepoints(transaction, trial, rows);
      assert.is(outcomes.length, rows.length);
    });
    assert.equal(await everythingOf(database, domain), before);
    assert.is.not(domain.createProjection(), domain.createProjection(), "an instance is shared");
  });

  conforms("a commit that fails leaves nothing, and the same instance then projects the same", async () => {
    await using database = await databaseOf(domain);
    const live = projectingOf(domain, { isLive: true });
    await appendAll(database, messages(150, SEED), domain);
    const empty = await everythingOf(database, domain);
    // A deferred constraint, checked at the commit.
    await database.admin(`
      create function fail() returns trigger language plpgsql as $$ begin raise exception 'at the commit' using errcode = '57000'; end $$;
      create constraint trigger fail after insert or update on checkpoints deferrable initially deferred
        for each row execute function fail()`);
    await projectNext(database, live, new Handover()).then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, "at the commit"),
    );
    assert.equal(await everythingOf(database, domain), empty);
    await database.admin("drop trigger fail on checkpoints");
    await projectNext(database, live, new Handover());
    const afterFailure = await everythingOf(database, domain);
    await forgetProjection(database, domain);
    await projectAll(database, domain);
    assert.equal(await everythingOf(database, domain), afterFailure);
  });

  conforms("a batch that is projected twice has its effects and its events once", async () => {
    await using database = await databaseOf(domain);
    const all = messages(120, SEED);
    await appendAll(database, all, domain);
    await projectAll(database, domain);
    const once = await everythingOf(database, domain);
    // The same messages under new broker ids: valid ones are duplicates now.
    await appendAll(
      database,
      all.map(({ payload, headers }) => messageOf(payload, headers === undefined ? {} : { headers })),
      domain,
    );
    await projectAll(database, domain);
    const twice = await everythingOf(database, domain);
    for (const { name } of domain.tables) assert.equal(twice[name], once[name], name);
    assert.equal(twice.outbox, once.outbox);
    await assertProved(database, domain);
  });

  conforms.run();
}

const registered = suite("domains");
registered("every domain of the project is under test", () => {
  const tested = DOMAINS_UNDER_TEST.map(({ domain }) => domain.name);
  for (const { name } of DOMAINS) assert.ok(tested.includes(name), name);
});
registered.run();

const REJECTION = {
  code: "schema",
  problems: [{ path: "", rule: "type", expected: "nothing", received: "anything" }],
} as const;

async function databaseOf(domain: AnyDomain): Promise<TestDatabase> {
  return createDatabase(undefined, [domain]);
}

/** PostgreSQL stores JSON in its own member order. */
function comparable({ headersJson, publishedAtMs, ...row }: InboxRow) {
  return {
    ...row,
    payload: row.payload.toString("base64"),
    headers: headersJson === undefined ? undefined : JSON.parse(headersJson),
    // PostgreSQL keeps microseconds, JavaScript fractions of a millisecond.
    publishedAtMs: publishedAtMs === undefined ? undefined : Math.floor(publishedAtMs),
  };
}

async function checkpointOf(database: TestDatabase, { name }: AnyDomain) {
  const { rows } = await database.query<{ projected: bigint }>(
    "select projected from checkpoints where domain = $1",
    [name],
  );
  return rows[0] ?? { projected: 0n };
}

/** The effects of a domain's messages: its tables, other outcomes, the checkpoint and events. */
function everythingOf(database: TestDatabase, { name, tables }: AnyDomain) {
  // One connection for all: each new one costs more than its query.
  return withClient(database.adminUrl, async (client) => {
    const found: Record<string, unknown[]> = {};
    for (const table of tables) {
      const ordered = `select row_to_json(t)::text from ${table.name} t order by ${table.key.join(", ")}`;
      found[table.name] = (await client.query(ordered)).rows;
    }
    const rowsOf = async (columns: string, table: string, order: string) =>
      (await client.query(`select ${columns} from ${table} where domain = $1 order by ${order}`, [name]))
        .rows;
    found.duplicates = await rowsOf("*", "duplicates", "position");
    found.deadLetters = await rowsOf("*", "dead_letters", "position");
    found.groups = await rowsOf("*", "dead_letter_groups", "fingerprint, channel");
    found.checkpoint = await rowsOf("position, projected, duplicate, dead", "checkpoints", "domain");
    const event = "position, ordinal, topic, key, payload, headers";
    found.outbox = await rowsOf(event, "outbox", "position, ordinal");
    return found;
  });
}

/** Resets the domain to position 0, by hand. */
async function forgetProjection(database: TestDatabase, { name, tables }: AnyDomain): Promise<void> {
  const ofEngine = [
    "duplicates",
    "dead_letters",
    "dead_letter_groups",
    "dead_letter_hours",
    "checkpoints",
    "outbox",
  ];
  await database.admin(
    [
      `truncate ${tables.map((table) => table.name).join(", ")}`,
      ...ofEngine.map((table) => `delete from ${table} where domain = '${name}'`),
    ].join(";"),
  );
}

async function assertProved(database: TestDatabase, domain: AnyDomain): Promise<void> {
  const report = await audit(database, [domain], { isFull: true });
  assert.ok(report.holds, JSON.stringify(report.domains[domain.name], String));
  assert.is(report.domains[domain.name]?.pending, 0n);
}
