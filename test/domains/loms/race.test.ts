/** A thousand orders of the last hundred pieces at once, over gRPC to two processes on one database. */
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { LomsService } from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { clientOf } from "../../../tools/marketplace/clients.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { createDatabase } from "../../support/database.ts";
import { startAsProcess } from "../../support/service.ts";

const race = suite("race for stock");

race("of 1,000 orders of 1 from 100 pieces, exactly 100 await payment and 900 failed", async () => {
  await using database = await createDatabase();
  const start = async () => {
    const port = await freePort();
    const service = await startAsProcess(database.serviceUrl, { DOMAINS: "loms", GRPC_PORT: String(port) });
    return { ...service, client: clientOf(LomsService, `http://127.0.0.1:${port}`) };
  };
  const services = await Promise.all([start(), start()]);
  const [one, other] = services as [(typeof services)[0], (typeof services)[0]];
  try {
    const put = JSON.stringify({ id: "put", type: "stock.put", sku: 7, total: 100, reserved: 0 });
    assert.is((await fetch(`${one.url}/loms/commands`, { method: "POST", body: put })).status, 202);
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, async (_none, index) => {
        const { client } = index % 2 === 0 ? one : other;
        try {
          return (await client.orderCreate({ user: 1n, items: [{ sku: 7, count: 1 }] })).orderId;
        } catch (error) {
          return Code[ConnectError.from(error).code];
        }
      }),
    );
    assert.is(outcomes.filter((outcome) => typeof outcome === "bigint").length, 100);
    assert.is(outcomes.filter((outcome) => outcome === "FailedPrecondition").length, 900);
    assert.is((await other.client.stockInfo({ sku: 7 })).count, 0n);
    const { rows } = await database.query(
      `select status, count(*)::integer as orders from loms_orders group by status order by status`,
    );
    assert.equal(rows, [
      { status: "awaiting payment", orders: 100 },
      { status: "failed", orders: 900 },
    ]);
    // Ids are dense, failed orders included.
    const { rows: ids } = await database.query("select min(id), max(id) from loms_orders");
    assert.equal(ids, [{ min: 1n, max: 1_000n }]);
    assert.ok((await audit(database, [loms], { isFull: true })).holds);
  } finally {
    await Promise.all(services.map(({ child }) => child.end("SIGTERM")));
  }
});

race.run();
