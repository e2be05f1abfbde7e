/** Reads through the cache, on a real database whose answers can be held back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DatabaseError } from "../../../src/database/database-error.ts";
import { Classified } from "../../../src/database/queryable.ts";
import { OrderCache } from "../../../src/domains/orders/cache.ts";
import { createOrderReader } from "../../../src/domains/orders/read-order.ts";
import { createDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { errorOf } from "../../support/error.ts";
import { messageOf, orderWith } from "../../support/messages.ts";
import { until } from "../../support/wait.ts";

const database = await createDatabase();
const reading = suite("read-order");

/** Records the ids of each query, and holds results back until they are released. */
class HeldDatabase extends Classified {
  readonly queries: string[][] = [];
  answered = 0;
  released: Promise<void> = Promise.resolve();

  override async query<Row extends object>(text: string, values?: readonly unknown[]) {
    this.queries.push(values?.[0] as string[]);
    const result = await database.query<Row>(text, values);
    this.answered += 1;
    await this.released;
    return result;
  }

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    return resolve;
  }
}

const readerOf = (held: HeldDatabase, cacheBytes = 0) => createOrderReader(held, new OrderCache(cacheBytes));
const documentOf = (id: string) => orderWith({ order_uid: id });

async function store(ids: readonly string[]): Promise<void> {
  await appendAll(
    database,
    ids.map((id) => messageOf(documentOf(id))),
  );
  await projectAll(database);
}

reading("the ids of one turn of the event loop share one query, whatever their characters", async () => {
  const ids = ["plain", "a b", '"', "\\", "a,b", "{}", "NULL", "null", "'; --", "ünï\u{1f4e6}", "%2e", " "];
  await store(ids);
  const held = new HeldDatabase();
  const reader = readerOf(held, 1024 * 1024);
  const found = await Promise.all([...ids, ...ids, "absent", "absent"].map((id) => reader.read(id)));
  assert.equal(held.queries, [[...ids, "absent"]]);
  for (const [index, id] of [...ids, ...ids].entries()) {
    assert.ok(found[index]?.document.equals(documentOf(id)), id);
    assert.is(found[index]?.etag, reader.cached(id)?.etag, id);
  }
  assert.equal(found.slice(-2), [undefined, undefined]);
});

reading("two queries are in flight, of at most 100 ids each; later ids wait for the next one", async () => {
  const held = new HeldDatabase();
  const reader = readerOf(held);
  const release = held.hold();
  const ask = (count: number, name: string) =>
    Promise.all(Array.from({ length: count }, (_, index) => reader.read(`${name}-${index}`)));
  const first = ask(150, "first");
  await until("both queries are answered", () => held.answered === 2);
  const second = ask(30, "second");
  await new Promise(setImmediate);
  assert.equal(
    held.queries.map(({ length }) => length),
    [100, 50],
  );
  release();
  await Promise.all([first, second]);
  assert.equal(
    held.queries.map(({ length }) => length),
    [100, 50, 30],
  );
});

reading("a failed query fails all its callers, and no later one", async () => {
  await store(["after a failure"]);
  const held = new HeldDatabase();
  const reader = readerOf(held);
  await database.admin("alter table orders rename to orders_away");
  const errors = await Promise.all(["plain", "after a failure"].map((id) => errorOf(reader.read(id))));
  await database.admin("alter table orders_away rename to orders");
  for (const error of errors) assert.instance(error, DatabaseError);
  assert.is(held.queries.length, 1);
  assert.ok((await reader.read("after a failure"))?.document.equals(documentOf("after a failure")));
});

reading("an order that is stored while a query misses it is found by later callers", async () => {
  const held = new HeldDatabase();
  const reader = readerOf(held);
  const release = held.hold();
  const before = reader.read("late");
  await until("the query is answered", () => held.answered === 1);
  await store(["late"]);
  const after = [reader.read("late"), reader.read("late")];
  release();
  assert.is(await before, undefined);
  for (const found of await Promise.all(after)) assert.ok(found?.document.equals(documentOf("late")));
  assert.equal(held.queries, [["late"], ["late"]]);
});

reading("callers of an id whose query is in flight share it", async () => {
  const held = new HeldDatabase();
  const reader = readerOf(held);
  const release = held.hold();
  const before = reader.read("plain");
  await until("the query is answered", () => held.answered === 1);
  const after = reader.read("plain");
  release();
  assert.is(await after, await before);
  assert.is(held.queries.length, 1);
});

reading.after(async () => database[Symbol.asyncDispose]());
reading.run();
