/** Bulk redrive. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError, WrongStateError } from "../../src/contract/errors.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk, type TestDesk } from "../support/desk.ts";
import { tablesOf } from "../support/engine.ts";
import { orderWith } from "../support/messages.ts";

const bulk = suite("bulk redrive");

/** A database where valid orders were rejected, as after a release with a bug in its schema. */
async function withRejected(
  count: number,
  work: (
    context: TestDesk & { database: Awaited<ReturnType<typeof createDatabase>>; positions: bigint[] },
  ) => Promise<void>,
): Promise<void> {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  const positions = await rejectAll(
    database,
    Array.from({ length: count }, (_none, index) => orderWith({ order_uid: `order ${index}` })),
  );
  await work({ ...context, database, positions });
}

/** Receives payloads under a schema that rejects all. */
async function rejectAll(
  database: Awaited<ReturnType<typeof createDatabase>>,
  payloads: Buffer[],
): Promise<bigint[]> {
  const { appendAll, domainThat, projectAll } = await import("../support/engine.ts");
  const { messageOf } = await import("../support/messages.ts");
  const { receipts } = await appendAll(
    database,
    payloads.map((payload) => messageOf(payload)),
  );
  const picky = domainThat(async (batch) => ({
    outcomes: batch.map(() => ({
      kind: "dead",
      rejection: {
        code: "schema",
        problems: [{ path: "/locale", rule: "pattern", expected: "a bug", received: "string" }],
      },
    })),
  }));
  await projectAll(database, picky);
  return receipts.map(({ position }) => position);
}

async function runToEnd({ desk, step }: TestDesk, id: bigint): Promise<number[]> {
  const sizes: number[] = [];
  for (let before = 0; ; ) {
    const taken = await step(id);
    const { redriven, skipped } = await desk.bulk(id);
    if (redriven + skipped > before) sizes.push(redriven + skipped - before);
    before = redriven + skipped;
    if (taken.kind === "ended") return sizes;
  }
}

bulk("one, then ten, then the rest; all of them once, in their order", () =>
  withRejected(1_200, async (context) => {
    const { desk, database } = context;
    const { id } = await desk.redriveMany(readFilter({ path: "/locale" }), 10_000, 0, ANN);
    assert.equal(await runToEnd(context, BigInt(id)), [1, 10, 500, 500, 189]);
    const done = await desk.bulk(BigInt(id));
    assert.equal(
      [done.status, done.letters, done.redriven, done.projected, done.dead],
      ["finished", 1_200, 1_200, 1_200, 0],
    );
    const { rows } = await database.admin(
      "select count(*)::int as orders, count(distinct redrive_of)::int as once, bool_and(order_uid = 'order ' || (redrive_of - 1)) as in_order from orders join inbox using (position)",
    );
    assert.equal(rows, [{ orders: 1_200, once: 1_200, in_order: true }]);
  }),
);

bulk("no step begins before the outcome of the one before is known", () =>
  withRejected(20, async ({ desk, stepOnly, project }) => {
    const { id } = await desk.redriveMany(readFilter({}), 10_000, 0, ANN);
    const waiting = await stepOnly(BigInt(id));
    for (let again = 0; again < 3; again++) {
      assert.equal(await stepOnly(BigInt(id)), waiting);
      assert.is((await desk.bulk(BigInt(id))).redriven, 1);
    }
    await project();
    await stepOnly(BigInt(id));
    const { redriven, projected } = await desk.bulk(BigInt(id));
    assert.equal([redriven, projected], [11, 1]);
  }),
);

bulk("it stops by itself where letters die again, after no more than the step it was in", () =>
  withRejected(50, async (context) => {
    const { desk } = context;
    await context.receive(...Array.from({ length: 50 }, () => orderWith({ locale: 5 })));
    const { id } = await desk.redriveMany(readFilter({ path: "/locale" }), 10_000, 0, ANN);
    assert.equal(await runToEnd(context, BigInt(id)), [1, 10, 89]);
    const stopped = await desk.bulk(BigInt(id));
    assert.equal([stopped.status, stopped.projected, stopped.dead], ["stopped", 50, 50]);
    assert.equal(
      stopped.failures?.map(({ count }) => count),
      [50],
    );

    // The failed redrive is an open letter at its new position; its first failure stops the next redrive.
    const again = await desk.redriveMany(readFilter({ path: "/locale" }), 10_000, 0, ANN);
    assert.equal(await runToEnd(context, BigInt(again.id)), [1]);
    const tolerant = await desk.redriveMany(readFilter({ path: "/locale" }), 10_000, 5, ANN);
    assert.equal(await runToEnd(context, BigInt(tolerant.id)), [1, 10]);
    assert.is((await desk.bulk(BigInt(tolerant.id))).status, "stopped");
  }),
);

bulk("a dry run says what would happen to each, and changes nothing", () =>
  withRejected(30, async (context) => {
    const { desk, database } = context;
    await context.receive(orderWith({ order_uid: "order 0" }), orderWith({ order_uid: "order 1", sm_id: 5 }));
    await context.receive(orderWith({ locale: 5 }), orderWith({ locale: 5 }), "garbage");
    await rejectAll(database, [
      orderWith({ order_uid: "order 7" }),
      orderWith({ order_uid: "order 8", sm_id: 8 }),
    ]);
    const before = await tablesOf(database);
    const progress: number[] = [];
    const run = await desk.tryRedriveMany(readFilter({}), 10_000, undefined, (done) => progress.push(done));
    assert.equal([run.letters, run.projected, run.duplicate, run.conflict, run.dead], [35, 28, 2, 2, 3]);
    assert.equal(
      run.failures.map(({ code, count }) => [code, count]),
      [
        ["schema", 2],
        ["not_json", 1],
      ],
    );
    assert.is(progress.at(-1), 35);
    assert.equal(await tablesOf(database), before);

    const { id } = await desk.redriveMany(readFilter({}), 10_000, 100, ANN);
    await runToEnd(context, BigInt(id));
    const done = await desk.bulk(BigInt(id));
    assert.equal([done.projected, done.duplicate, done.dead], [28, 2, 5]);
  }),
);

bulk("the set is frozen: what arrives later is not of it, what others deal with is passed over", () =>
  withRejected(40, async (context) => {
    const { desk, positions, step } = context;
    const { id } = await desk.redriveMany(readFilter({ path: "/locale" }), 10_000, 0, ANN);
    await step(BigInt(id));
    await desk.discard(positions[5] as bigint, ANN);
    await desk.redrive(positions[20] as bigint, undefined, ANN);
    const [late = 0n] = await context.receive(orderWith({ locale: 5 }));
    await runToEnd(context, BigInt(id));
    const done = await desk.bulk(BigInt(id));
    assert.equal([done.status, done.redriven, done.skipped], ["finished", 38, 2]);
    assert.is((await desk.show(late)).state, "open");
    assert.is((await desk.show(positions[5] as bigint)).state, "discarded");
  }),
);

bulk("workers that go on with it at the same time do no step twice", () =>
  withRejected(800, async (context) => {
    const { desk, database, step } = context;
    const { id } = await desk.redriveMany(readFilter({}), 10_000, 0, ANN);
    const work = async () => {
      while ((await step(BigInt(id))).kind !== "ended");
    };
    await Promise.all([work(), work(), work()]);
    const done = await desk.bulk(BigInt(id));
    assert.equal([done.status, done.redriven, done.projected], ["finished", 800, 800]);
    const { rows } = await database.admin(
      "select count(*)::int as copies from inbox where source = 'redrive'",
    );
    assert.equal(rows, [{ copies: 800 }]);
  }),
);

bulk("cancelled, it redrives nothing more, and says what became of what it had redriven", () =>
  withRejected(40, async (context) => {
    const { desk, step } = context;
    const { id } = await desk.redriveMany(readFilter({}), 10_000, 0, ANN);
    await step(BigInt(id));
    await step(BigInt(id));
    const cancelled = await desk.cancel(BigInt(id), { author: "Bob", reason: "enough" });
    assert.is(cancelled.status, "cancelled");
    assert.equal(await runToEnd(context, BigInt(id)), [11]);
    const done = await desk.bulk(BigInt(id));
    assert.equal([done.status, done.redriven, done.projected], ["cancelled", 11, 11]);
    await desk.cancel(BigInt(id), ANN).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, WrongStateError),
    );
  }),
);

bulk("where nothing open matches, or only what is not open, there is nothing to redrive", () =>
  withRejected(1, async ({ desk }) => {
    for (const filter of [{ code: "empty" }, { state: "discarded" }]) {
      await desk.redriveMany(readFilter(filter), 10, 0, ANN).then(
        () => assert.unreachable(),
        (error) => assert.instance(error, InvalidInputError),
      );
    }
  }),
);

bulk.run();
