/** Loms cancels an unpaid order once, in any number of processes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { createDatabase } from "../../support/database.ts";
import { cancel, order, pay, stock } from "../../support/loms/loms.ts";
import { receive, receiveFirstMessages } from "../../support/loms/timed.ts";
import { startAsProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const expiry = suite("unpaid orders");

expiry("two processes cancel each of them once, and neither a payed nor a younger one", async () => {
  await using database = await createDatabase();
  const twenty = Array.from({ length: 20 }, (_none, index) => order({ 7: 2 }, { at: 3 + index }));
  const elevenMinutesAgo = Date.now() - 11 * 60 * 1000;
  await receiveFirstMessages(database, elevenMinutesAgo);
  await receive(
    database,
    [
      stock(7, 100),
      order({ 7: 10 }, { at: 1 }),
      order({ 7: 5 }, { at: 2 }),
      ...twenty,
      pay(1, { at: 500 }),
      cancel(2, { at: 500 }),
      order({ 7: 20 }, { at: 600 }),
    ],
    elevenMinutesAgo,
  );
  const start = () => startAsProcess(database.serviceUrl, { DOMAINS: "loms" });
  const services = await Promise.all([start(), start()]);
  try {
    await until("one order awaits its payment", async () => {
      const { rows } = await database.query("select from loms_orders where status = 'awaiting payment'");
      const { rows: ticks } = await database.query("select from inbox where source = 'timer'");
      return rows.length === 1 && ticks.length > 0;
    });
    const { rows } = await database.query<{ status: string; orders: string }>(
      `select status, string_agg(order_id::text, ' ' order by order_id) as orders from loms_changes
       where status in ('payed', 'cancelled') group by status order by status`,
    );
    // One that its user cancelled and twenty unpaid ones, each once.
    const cancelled = Array.from({ length: 21 }, (_none, index) => index + 2).join(" ");
    assert.equal(rows, [
      { status: "cancelled", orders: cancelled },
      { status: "payed", orders: "1" },
    ]);
    const { rows: events } = await database.query<{ count: bigint }>(
      `select count(*) from outbox where convert_from(payload, 'UTF8')::json ->> 'status' = 'cancelled'`,
    );
    assert.is(events[0]?.count, 21n);
    const { rows: stocks } = await database.query("select total, reserved from loms_stocks where sku = 7");
    assert.equal(stocks, [{ total: 90n, reserved: 20n }]);
    assert.ok((await audit(database, [loms], { isFull: true })).holds);
  } finally {
    await Promise.all(services.map(({ child }) => child.end("SIGTERM")));
  }
});

expiry(
  "a payment that stands in the inbox before the time wins, though it is projected afterwards",
  async () => {
    await using database = await createDatabase();
    await receive(database, [stock(7, 10), order({ 7: 10 }), pay(1, { at: 599 })], Date.now() - 3600 * 1000);
    const service = await startAsProcess(database.serviceUrl, { DOMAINS: "loms" });
    try {
      await until("the payment is decided", async () => {
        const { rows } = await database.query("select from loms_commands where type = 'order.pay'");
        return rows.length === 1;
      });
      const { rows } = await database.query("select status from loms_orders");
      assert.equal(rows, [{ status: "payed" }]);
    } finally {
      await service.child.end("SIGTERM");
    }
  },
);

expiry.run();
