/** Any number of waiting callers get the outcome of a position, whichever process projects it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Database } from "../../src/database/database.ts";
import { Classified } from "../../src/database/queryable.ts";
import { CheckpointWatch } from "../../src/projector/checkpoint-watch.ts";
import { Projector } from "../../src/projector/projector.ts";
import { WatchesElsewhere } from "../../src/projector/watches-elsewhere.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { messageOf } from "../support/messages.ts";
import { until } from "../support/wait.ts";

const logger = createLogger("silent");
const watching = suite("checkpoint watch");

/** Counts statements. */
class Counting extends Classified {
  readonly #database: Database;
  statements = 0;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  override query<Row extends object>(text: string, values?: readonly unknown[]) {
    this.statements += 1;
    return this.#database.query<Row>(text, values);
  }
}

function watchOf(database: Counting, onRebuilt = () => {}) {
  return new CheckpointWatch({
    database,
    domain: ledger.name,
    logger,
    failure: () => undefined,
    onRebuilt,
  });
}

const forever = () => new AbortController().signal;

watching("a thousand callers that wait for another process cost one query at a time", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  const counting = new Counting(database);
  const watch = watchOf(counting);
  watch.start();
  const entries = Array.from({ length: 1_000 }, (_none, index) =>
    messageOf(entryOf(`entry ${index}`, index % 10 === 0 ? "poor" : "rich", index % 10 === 0 ? -1 : 1)),
  );
  entries[7] = messageOf("garbage");
  entries[8] = messageOf(entryOf("entry 6", "rich", 1));
  const { receipts } = await appendAll(database, entries, ledger);
  const waiting = Promise.all(receipts.map(({ position }) => watch.settled(position, forever())));
  await until("the watch has looked several times", () => counting.statements > 30);
  const before = counting.statements;
  // Another process: this watch sees it in the table only.
  const other = new Projector({ database, domain: ledger, logger, onProjected: () => {} });
  await other.reach(receipts.at(-1)?.position ?? 0n);
  const outcomes = await waiting;
  const count = (name: string) => outcomes.filter((outcome) => outcome === name).length;
  assert.equal([count("projected"), count("dead"), count("duplicate")], [998, 1, 1]);
  assert.equal([outcomes[7], outcomes[8]], ["dead", "duplicate"]);
  // A look takes at most three statements, every 15 ms; one query for each caller would be a thousand.
  assert.ok(counting.statements - before < 300, `${counting.statements - before} statements`);
  watch.stop();
});

watching(
  "callers that wait for a domain of another process share one watch, which ends with them",
  async () => {
    await using database = await createDatabase(undefined, [ledger]);
    let [created, stopped] = [0, 0];
    const elsewhere = new WatchesElsewhere(() => {
      created += 1;
      const watch = watchOf(new Counting(database));
      const stop = watch.stop.bind(watch);
      watch.stop = () => {
        stopped += 1;
        stop();
      };
      return watch;
    });
    const gone = new AbortController();
    const settled = (position: bigint) => elsewhere.settled(ledger.name, position, gone.signal);
    const { receipts } = await appendAll(database, [messageOf(entryOf("one", "a", 1))], ledger);
    const position = receipts[0]?.position ?? 0n;
    const waiting = Array.from({ length: 1_000 }, () => settled(position));
    const later = settled(position + 1n);
    await projectAll(database, ledger);
    assert.equal(new Set(await Promise.all(waiting)), new Set(["projected"]));
    assert.equal([created, stopped], [1, 0]);
    gone.abort();
    assert.is(await later, "pending");
    assert.equal([created, stopped], [1, 1]);
    assert.is(await elsewhere.settled(ledger.name, position, forever()), "projected");
    assert.equal([created, stopped], [2, 2]);
  },
);

watching("what this process projects is known without a query", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  const counting = new Counting(database);
  const watch = watchOf(counting);
  watch.start();
  await watch.look();
  const projector = new Projector({
    database,
    domain: ledger,
    logger,
    onProjected: ({ rows, outcomes }) => watch.advanced(rows, outcomes),
  });
  const { receipts } = await appendAll(database, [messageOf(entryOf("one", "a", 1)), messageOf("x")], ledger);
  const [one, other] = receipts.map(({ position }) => watch.settled(position, forever()));
  await projector.reach(receipts.at(-1)?.position ?? 0n);
  assert.equal([await one, await other], ["projected", "dead"]);
  // A later caller finds the position settled.
  assert.is(await watch.settled(receipts[0]?.position ?? 0n, forever()), "projected");
  watch.stop();
});

watching("a wait ends when its caller goes, and when the process stops", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  const watch = watchOf(new Counting(database));
  watch.start();
  const gone = new AbortController();
  const first = watch.settled(10n, gone.signal);
  const second = watch.settled(10n, forever());
  gone.abort();
  assert.is(await first, "pending");
  watch.stop();
  assert.is(await second, "pending");
  assert.is(await watch.settled(10n, forever()), "pending");
});

watching("a projection that was replaced by a rebuild is noticed", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  let rebuilt = 0;
  const watch = watchOf(new Counting(database), () => {
    rebuilt += 1;
  });
  await database.admin("insert into checkpoints (domain) values ('ledger')");
  await watch.look();
  await watch.look();
  assert.is(rebuilt, 0);
  await database.admin("update checkpoints set generation = generation + 1");
  await watch.look();
  assert.is(rebuilt, 1);
  watch.stop();
});

watching.run();
