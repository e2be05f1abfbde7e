/**
 * After any sequence of messages and operator actions, conservation holds, group counts equal the letters, and a rebuilt
 * projection equals the live one.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { WrongStateError } from "../../src/contract/errors.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeGarbage } from "../../tools/publisher/garbage.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, projectAll, tablesOf } from "../support/engine.ts";
import { messageOf, orderWith } from "../support/messages.ts";

for (let run = 0; run < 5; run++) {
  const seed = Math.floor(Math.random() * 2 ** 31);
  test(`publish, redrive, edit, discard, restore, rebuild: random sequence of seed ${seed}`, async () => {
    await using database = await createDatabase();
    await using context = await openDesk(database);
    const { desk, domain, project, step } = context;
    const factory = new OrderFactory(seed);
    const uid = () => `order ${Math.floor(factory.random() * 30)}`;

    const anyLetter = async (state: string) => {
      const { rows } = await database.query(
        "select position from dead_letters where state = $1 order by position",
        [state],
      );
      return rows.length === 0 ? undefined : (factory.pick(rows) as { position: bigint }).position;
    };
    const withLetter = async (state: string, act: (position: bigint) => Promise<unknown>) => {
      const position = await anyLetter(state);
      if (position !== undefined) await act(position);
    };
    const rebuild = async () => {
      await project();
      const before = { ...(await tablesOf(database)), ...(await countsOf()) };
      await database.admin(
        "truncate orders, duplicates, dead_letters, dead_letter_groups, dead_letter_hours, checkpoints",
      );
      await projectAll(database, domain);
      assert.equal({ ...(await tablesOf(database)), ...(await countsOf()) }, before);
    };
    const countsOf = async () => ({
      groups: (await database.query("select * from dead_letter_groups order by domain, fingerprint, channel"))
        .rows,
      hours: (await database.query("select * from dead_letter_hours order by domain, fingerprint, hour"))
        .rows,
    });
    const acts: (() => Promise<unknown>)[] = [
      () =>
        appendAll(database, [
          messageOf(orderWith({ order_uid: uid() })),
          messageOf(makeGarbage(ordersKit, factory).payload),
        ]),
      () =>
        appendAll(database, [
          messageOf(orderWith({ order_uid: uid(), sm_id: Math.floor(factory.random() * 2) })),
        ]),
      project,
      project,
      () => withLetter("open", (position) => desk.redrive(position, undefined, ANN)),
      () =>
        withLetter("open", (position) =>
          desk.redrive(position, orderWith({ order_uid: `edited ${position}` }), ANN),
        ),
      () => withLetter("open", (position) => desk.discard(position, ANN)),
      () => withLetter("discarded", (position) => desk.restore(position, ANN)),
      () =>
        withLetter("redriven", async (position) => {
          const error = await desk.redrive(position, undefined, ANN).catch((reason: unknown) => reason);
          assert.instance(error, WrongStateError);
        }),
      () =>
        withLetter("open", async () => {
          const { id } = await desk.redriveMany(readFilter({}), 20, 1_000, ANN);
          while ((await step(BigInt(id))).kind !== "ended");
        }),
    ];
    for (let turn = 0; turn < 120; turn++) {
      await factory.pick(acts)();
      if (turn % 40 === 39) await rebuild();
    }
    await rebuild();

    const report = await audit(database, [orders]);
    assert.ok(report.holds);
    assert.is(report.domains.orders?.pending, 0n);
    const { rows } = await database.query(
      `select sum(open)::int as open, sum(redriven)::int as redriven, sum(discarded)::int as discarded
       from dead_letter_groups`,
    );
    const states = await database.query(
      "select state, count(*)::int as letters from dead_letters group by state",
    );
    const counted = Object.fromEntries(states.rows.map(({ state, letters }) => [state, letters]));
    assert.equal(rows[0], { open: 0, redriven: 0, discarded: 0, ...counted });
    // Only dead letters are redriven, each at most once.
    const copies = await database.query(
      `select count(*)::int as copies, count(distinct redrive_of)::int as originals, count(letters.position)::int as letters
       from inbox left join dead_letters as letters on letters.position = redrive_of where source = 'redrive'`,
    );
    const [{ copies: all, originals, letters }] = copies.rows;
    assert.equal([originals, letters], [all, all]);
  });
}
test.run();
