/** The RPCs of loms as functions: what each answers and throws, on a real database and without a network. */
import { create } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import {
  DeclinedError,
  InvalidInputError,
  KeyReusedError,
  NotFoundError,
  UnavailableError,
} from "../../../src/contract/errors.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import {
  OrderCreateRequestSchema,
  OrderInfoRequestSchema,
  type OrderInfoResponse,
  StockInfoRequestSchema,
} from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { callOf, startLoms } from "../../support/loms/service.ts";

const rpcs = suite("RPCs of loms");

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startLoms>>;
rpcs.before(async () => {
  database = await createDatabase();
  service = await startLoms(database);
});
rpcs.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

rpcs("an order awaits its payment, and its pieces cannot be ordered any more", async () => {
  assert.is(await stockOf(1002), 180n);
  const orderId = await order([
    { sku: 1003, count: 2 },
    { sku: 1002, count: 1 },
    { sku: 1002, count: 4 },
  ]);
  const { status, user, items } = await infoOf(orderId);
  assert.equal([status, user], ["awaiting payment", 31337n]);
  assert.equal(items, [
    { sku: 1002, count: 5 },
    { sku: 1003, count: 2 },
  ]);
  assert.equal([await stockOf(1002), await stockOf(1003)], [175n, 218n]);
});

rpcs("an order that fails is declined with its id, stays, and reserves nothing", async () => {
  for (const [sku, reason] of [
    [139819069, "insufficient_stock"],
    [5, "unknown_sku"],
  ] as const) {
    const before = await stockOf(1004);
    const error = await order([
      { sku: 1004, count: 1 },
      { sku, count: 1 },
    ]).catch((thrown: unknown) => thrown);
    assert.instance(error, DeclinedError);
    const { reason: given, members } = error as DeclinedError;
    assert.is(given, reason);
    const { status, items } = await infoOf(BigInt(members.order_id as string));
    assert.is(status, "failed");
    assert.is(items?.length, 2);
    assert.is(await stockOf(1004), before);
  }
});

rpcs("what more is reserved of than there is, is not available, and not 18 quintillion", async () => {
  assert.is(await stockOf(139818428), 0n);
  await throws(order([{ sku: 139818428, count: 1 }]), DeclinedError, "insufficient_stock");
});

rpcs("the same key is the same order, however often it is asked for", async () => {
  const items = [{ sku: 1005, count: 1 }];
  const first = await Promise.all(Array.from({ length: 20 }, () => order(items, "same")));
  assert.is(new Set([...first, await order(items, "same")]).size, 1);
  assert.is(await stockOf(1005), 299n);
  await throws(order([{ sku: 1005, count: 2 }], "same"), KeyReusedError);
  await throws(service.rpcs.orderPay(idOf(first[0] as bigint), callOf("same")), KeyReusedError);
  assert.is(await stockOf(1005), 299n);
});

rpcs("a failed order is declined again under its key, with the same id", async () => {
  const attempt = async () => {
    const error = await order([{ sku: 5, count: 1 }], "failing").catch((thrown: unknown) => thrown);
    return (error as DeclinedError).members.order_id;
  };
  assert.is(await attempt(), await attempt());
});

rpcs("a key that no command can have is refused", async () => {
  for (const key of ["", "a b", "x".repeat(65), ".."])
    await throws(order([{ sku: 1005, count: 1 }], key), InvalidInputError);
});

rpcs("a payed order stays payed: paying again is OK, cancelling is declined", async () => {
  const orderId = await order([{ sku: 1148162, count: 5 }]);
  await pay(orderId);
  assert.is((await infoOf(orderId)).status, "payed");
  assert.is(await stockOf(1148162), 215n);
  await pay(orderId);
  await throws(cancel(orderId), DeclinedError, "wrong_status");
  assert.is(await stockOf(1148162), 215n);
});

rpcs(
  "a cancelled order stays cancelled: cancelling again is OK and frees nothing, paying is declined",
  async () => {
    const before = await stockOf(1076963);
    const orderId = await order([{ sku: 1076963, count: 5 }]);
    await cancel(orderId);
    await cancel(orderId);
    assert.is((await infoOf(orderId)).status, "cancelled");
    await throws(pay(orderId), DeclinedError, "wrong_status");
    assert.is(await stockOf(1076963), before);
  },
);

rpcs("what is not there is not found", async () => {
  const call = callOf();
  for (const ask of ["orderInfo", "orderHistory", "orderPay", "orderCancel"] as const)
    await throws(service.rpcs[ask](idOf(2n ** 63n - 1n), callOf()), NotFoundError);
  const request = create(StockInfoRequestSchema, { sku: 5 });
  await throws(service.rpcs.stockInfo(request, call), NotFoundError);
});

rpcs("the rules of the description hold without an interceptor as well", async () => {
  const item = { sku: 1002, count: 1 };
  for (const [user, items] of [
    [0n, [item]],
    [-1n, [item]],
    [1n, []],
    [1n, [{ sku: 0, count: 1 }]],
    [1n, [{ sku: 1002, count: 0 }]],
    [1n, [{ sku: 1002, count: 65_536 }]],
    [1n, Array(1_001).fill(item)],
  ] as const) {
    const request = create(OrderCreateRequestSchema, { user, items: [...items] });
    await throws(service.rpcs.orderCreate(request, callOf()), InvalidInputError);
  }
  await throws(service.rpcs.orderPay(idOf(0n), callOf()), InvalidInputError);
});

rpcs("the history of an order shows each status once, in its sequence", async () => {
  const orderId = await order([{ sku: 1002, count: 1 }]);
  await pay(orderId);
  const { changes = [] } = await service.rpcs.orderHistory(idOf(orderId), callOf());
  assert.equal(
    changes.map(({ sequence, status }) => `${sequence} ${status}`),
    ["1 new", "2 awaiting payment", "3 payed"],
  );
  for (const { moment = "" } of changes) assert.is(new Date(moment).toISOString(), moment);
});

rpcs("a caller that does not wait is told so, and gets the order under the same key", async () => {
  const gone = order([{ sku: 1003, count: 1 }], "impatient", AbortSignal.abort());
  await throws(gone, UnavailableError);
  const before = await order([{ sku: 1003, count: 1 }], "impatient");
  assert.is(await order([{ sku: 1003, count: 1 }], "impatient"), before);
});

rpcs("each change of an order is one event, in the order in which they happened", async () => {
  const orderId = await order([{ sku: 1002, count: 1 }]);
  await cancel(orderId);
  const { rows } = await database.query(
    `select topic, convert_from(payload, 'UTF8')::json as document, headers from outbox where key = $1
     order by position, ordinal`,
    [String(orderId)],
  );
  const { changes = [] } = await service.rpcs.orderHistory(idOf(orderId), callOf());
  assert.equal(
    rows.map(({ document }) => document),
    changes.map(({ status, moment }) => ({ order_id: String(orderId), user: "31337", status, moment })),
  );
  assert.equal(
    rows.map(({ topic, headers }) => `${topic} ${headers.sequence}`),
    [1, 2, 3].map((sequence) => `loms.order-events ${sequence}`),
  );
  for (const { headers } of rows) assert.match(headers["message-id"], /^loms\/\d+\/[01]$/);
  // Consumers need to know whose order it is; headers and keys stand in more logs than payloads.
  assert.not.match(JSON.stringify(rows.map(({ headers }) => headers)), "31337");
});

rpcs("the proof holds after all of it", async () => {
  const report = await audit(database, [loms], { isFull: true });
  assert.ok(
    report.holds,
    JSON.stringify(report.domains.loms, (_name, value) => value?.toString()),
  );
});

rpcs.run();

type Item = Readonly<{ sku: number; count: number }>;

async function order(items: readonly Item[], key?: string, signal?: AbortSignal): Promise<bigint> {
  const request = create(OrderCreateRequestSchema, { user: 31337n, items: [...items] });
  const { orderId } = await service.rpcs.orderCreate(request, callOf(key, signal));
  return orderId as bigint;
}

async function pay(orderId: bigint): Promise<void> {
  await service.rpcs.orderPay(idOf(orderId), callOf());
}

async function cancel(orderId: bigint): Promise<void> {
  await service.rpcs.orderCancel(idOf(orderId), callOf());
}

async function infoOf(orderId: bigint): Promise<Partial<OrderInfoResponse>> {
  return (await service.rpcs.orderInfo(idOf(orderId), callOf())) as Partial<OrderInfoResponse>;
}

async function stockOf(sku: number): Promise<bigint | undefined> {
  return (await service.rpcs.stockInfo(create(StockInfoRequestSchema, { sku }), callOf())).count;
}

/** A request that names an order: all of them have the same members. */
function idOf(orderId: bigint): never {
  return create(OrderInfoRequestSchema, { orderId }) as never;
}

/** @param kind of errors.ts. */
async function throws(
  call: unknown,
  kind: abstract new (...values: never) => Error,
  reason?: string,
): Promise<void> {
  const error = await Promise.resolve(call).then(
    () => assert.unreachable(`no ${kind.name}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof kind, `${kind.name}: ${error}`);
  if (reason !== undefined) assert.is((error as unknown as DeclinedError).reason, reason);
}
