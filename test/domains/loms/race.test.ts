/** A thousand orders of the last hundred pieces at once, through two processes' worth of loms on one database. */
import { create } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { DeclinedError } from "../../../src/contract/errors.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import {
  OrderCreateRequestSchema,
  StockInfoRequestSchema,
} from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { createDatabase } from "../../support/database.ts";
import { callOf, startLoms } from "../../support/loms/service.ts";

const race = suite("race for stock");

race("of 1,000 orders of 1 from 100 pieces, exactly 100 await payment and 900 failed", async () => {
  await using database = await createDatabase();
  await using one = await startLoms(database);
  await using other = await startLoms(database);
  const put = JSON.stringify({ id: "put", type: "stock.put", sku: 7, total: 100, reserved: 0 });
  await fetch(`${one.url}/loms/commands`, { method: "POST", body: put });
  const request = create(OrderCreateRequestSchema, { user: 1n, items: [{ sku: 7, count: 1 }] });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, async (_none, index) => {
      const { rpcs } = index % 2 === 0 ? one : other;
      try {
        return { status: "awaiting payment", id: (await rpcs.orderCreate(request, callOf())).orderId };
      } catch (error) {
        assert.instance(error, DeclinedError);
        const { reason, members } = error as DeclinedError;
        return { status: reason, id: BigInt(members.order_id as string) };
      }
    }),
  );
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  assert.is(byStatus.get("awaiting payment")?.length, 100);
  assert.is(byStatus.get("insufficient_stock")?.length, 900);
  // Ids are dense, failed orders included.
  assert.equal(
    answers.map(({ id }) => Number(id)).sort((a, b) => a - b),
    Array.from({ length: 1_000 }, (_none, index) => index + 1),
  );
  const { count } = await one.rpcs.stockInfo(create(StockInfoRequestSchema, { sku: 7 }), callOf());
  assert.is(count, 0n);
  const { rows } = await database.query(
    "select status, count(*)::integer from loms_orders group by status order by status",
  );
  assert.equal(rows, [
    { status: "awaiting payment", count: 100 },
    { status: "failed", count: 900 },
  ]);
  assert.ok((await audit(database, [loms], { isFull: true })).holds);
});

race.run();
