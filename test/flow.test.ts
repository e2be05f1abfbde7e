/** The whole way through the real broker: 1,000 pieces of garbage amid 1,000 good orders. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GARBAGE_KINDS, makeGarbage } from "../tools/publisher/garbage.ts";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { connectToBroker } from "../tools/publisher/transport.ts";
import { Verifier } from "../tools/publisher/verify.ts";
import { createDatabase } from "./support/database.ts";
import { auditOf, brokerEnvironment, startAsProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";

const flow = suite("flow");

flow(
  "invariant 9: each piece of garbage ends as one dead letter with the right code and path, the orders untouched",
  async () => {
    await using database = await createDatabase();
    const names = brokerEnvironment();
    const service = await startAsProcess(database.serviceUrl, { ...names, SOURCES: "nats-streaming" });
    const factory = new OrderFactory(21);
    const orders: { orderUid: string; contents: Buffer[] }[] = [];
    const garbage: ReturnType<typeof makeGarbage>[] = [];
    {
      await using transport = await connectToBroker({
        url: names.NATS_URL as string,
        clusterId: "test-cluster",
        channel: names.STAN_CHANNEL as string,
      });
      const publishing: Promise<void>[] = [];
      for (let index = 0; index < 1_000; index++) {
        const order = factory.next();
        orders.push({ orderUid: order.order_uid, contents: [toPayload(order)] });
        const piece = makeGarbage(factory, GARBAGE_KINDS[index % GARBAGE_KINDS.length]);
        garbage.push(piece);
        publishing.push(transport.publish(toPayload(order)), transport.publish(piece.payload));
        if (publishing.length >= 200) await Promise.all(publishing.splice(0));
      }
      await Promise.all(publishing);
    }
    await until(
      "everything is processed",
      async () => {
        const { received, pending } = await auditOf(service.url);
        return received === 2_000 && pending === 0;
      },
      60_000,
    );
    const sum = await auditOf(service.url);
    assert.equal([sum.holds, sum.projected, sum.duplicate, sum.dead], [true, 1_000, 0, 1_000]);

    // Each letter against the piece with the same bytes.
    const { rows } = await database.admin(
      "select payload, code, errors from dead_letters join inbox using (position) order by position",
    );
    const expected = new Map<string, typeof garbage>();
    for (const piece of garbage) {
      const key = piece.payload.toString("latin1");
      expected.set(key, [...(expected.get(key) ?? []), piece]);
    }
    for (const { payload, code, errors } of rows) {
      const piece = expected.get(payload.toString("latin1"))?.pop();
      assert.ok(piece, "a dead letter holds bytes that nobody published");
      assert.is(code, piece?.code, piece?.kind);
      const paths = errors.map(({ path }: { path: string }) => path).sort();
      if (piece?.paths) assert.equal(paths, [...piece.paths].sort(), piece.kind);
    }
    const verifier = new Verifier(service.url);
    const { missing, different } = await verifier.check(orders, () => {});
    verifier.close();
    assert.equal([missing, different], [[], []]);

    // No retry loop: nothing was delivered or projected more than once.
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    assert.match(metrics, /waybill_inbox_appended_total\{[^}]*\} 2000$/m);
    assert.match(metrics, /waybill_outcomes_total\{domain="orders",outcome="projected",code=""\} 1000$/m);
    await service.child.end("SIGTERM");
  },
);

flow(
  "jobs alone wake a projector: what a process appended that died at once is projected by another",
  async () => {
    await using database = await createDatabase();
    const service = await startAsProcess(database.serviceUrl);
    const { append } = await import("../src/inbox/append.ts");
    const { Jobs } = await import("../src/database/jobs.ts");
    const { Wakeups } = await import("../src/projector/wakeups.ts");
    const { createLogger } = await import("../src/telemetry/logger.ts");
    const { messageOf, orderWith } = await import("./support/messages.ts");
    const jobs = new Jobs(database.pool, createLogger("silent"));
    await jobs.start();
    const wakeups = new Wakeups(jobs);
    await append(database.pool, "orders", [messageOf(orderWith({ order_uid: "orphan" }))], (...wakeup) =>
      wakeups.enqueue(...wakeup),
    );
    await until("it is readable", async () => (await fetch(`${service.url}/orders/orphan`)).ok);
    // Its job is done, and so is the one of the start.
    await until("the jobs are done", async () => {
      const { rows } = await database.admin(
        "select distinct state::text from pgboss.job where name = 'project-orders'",
      );
      return rows.length === 1 && rows[0].state === "completed";
    });
    await jobs.stop();
    await service.child.end("SIGTERM");
  },
);

flow.run();
