/** The limit of calls to the product service, measured there, with two processes of cart under load. */
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain, DomainService } from "../../../src/contract/domain.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { CATALOGUE } from "../../../src/domains/product/catalogue.ts";
import { product } from "../../../src/domains/product/index.ts";
import type { ProductService } from "../../../src/proto/marketplace/product/v1/product_pb.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { add } from "../../support/cart/cart.ts";
import { cartMessage } from "../../support/cart/messages.ts";
import { startCart } from "../../support/cart/processes.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const limiter = suite("limit of calls to product");

/** A call as the product service sees it. @property from the request id, which comes from the caller of cart. */
type Arrival = Readonly<{ at: number; from: string }>;

limiter("two carts send at most 10 calls in any second, and each gets all of its turns", async () => {
  await using productDatabase = await createDatabase();
  await using cartDatabase = await createDatabase();
  await fillCarts(cartDatabase);
  const arrivals: Arrival[] = [];
  const grpcPort = await freePort();
  const grpcUrl = `http://127.0.0.1:${grpcPort}`;
  await using _services = await startInProcess(
    productDatabase,
    { DOMAINS: "loms,product", GRPC_PORT: String(grpcPort) },
    [loms as AnyDomain, measured(product as AnyDomain, arrivals)],
  );
  await using first = await startCart(cartDatabase.serviceUrl, grpcUrl);
  await using second = await startCart(cartDatabase.serviceUrl, grpcUrl);

  // The limit holds unless one call travels much longer than another, which happens on a busy machine.
  let spans: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS && !isKept(spans); attempt++) {
    arrivals.length = 0;
    await load(cartDatabase, { first: first.client, second: second.client }, arrivals);
    spans = arrivals.slice(PER_SECOND).map(({ at }, index) => at - (arrivals[index] as Arrival).at);
  }
  assert.ok(
    isKept(spans),
    `${PER_SECOND + 1} successive calls within milliseconds: ${spans.map(Math.round)}`,
  );
});

limiter.run();

function isKept(spans: readonly number[]): boolean {
  return spans.length > 0 && spans.every((span) => span >= 1_000);
}

/** Both processes want more calls than the limit allows for seconds; callers without that much time are refused. */
async function load(
  cartDatabase: TestDatabase,
  carts: Readonly<Record<"first" | "second", Awaited<ReturnType<typeof startCart>>["client"]>>,
  arrivals: readonly Arrival[],
): Promise<void> {
  // No cart has a cache, so each product of each list is a call.
  const lists = LISTERS.map((user, index) => {
    const from = index % 2 === 0 ? "first" : "second";
    return carts[from].list({ user }, { headers: { "x-request-id": from } });
  });
  const adds = (["first", "second"] as const).map((from) =>
    carts[from].itemAdd({ user: HURRIED, sku: SNEAKERS, count: 1 }, { headers: { "x-request-id": from } }),
  );
  await until("the next turn is seconds away", async () => {
    const { rows } = await cartDatabase.query(
      "select next_at > clock_timestamp() + interval '3 seconds' as is_later from rate_limits where name = 'product'",
    );
    return rows[0]?.is_later;
  });
  for (const client of Object.values(carts)) {
    const refusal = ConnectError.from(
      await client.list({ user: HURRIED }, { timeoutMs: 1_000 }).catch((error: unknown) => error),
    );
    assert.is(refusal.code, Code.ResourceExhausted, refusal.message);
  }
  for (const { items } of await Promise.all(lists)) assert.is(items.length, SKUS_PER_CART);
  await Promise.all(adds);
  // Slots are given in the order in which they are asked for, so no process waits in vain.
  for (const name of Object.keys(carts)) {
    const turns = arrivals.filter(({ from }) => from === name).length;
    assert.is(turns, (LISTERS.length * SKUS_PER_CART) / 2 + 1, name);
  }
}

/** Each user has other products than the others; the hurried one has one. */
async function fillCarts(database: TestDatabase): Promise<void> {
  // Of one product that several ask for, a process of cart asks once.
  const skus = CATALOGUE.map(({ payload }) => JSON.parse(payload.toString()).sku as number).filter(
    (sku) => sku !== SNEAKERS,
  );
  const commands = [...LISTERS, HURRIED].flatMap((user, index) =>
    skus
      .slice(
        index * SKUS_PER_CART,
        user === HURRIED ? index * SKUS_PER_CART + 1 : (index + 1) * SKUS_PER_CART,
      )
      .map((sku) => cartMessage({ id: `${user}-${sku}`, ...add(sku, 1, 1_000, String(user)) })),
  );
  await appendAll(database, commands, cart);
  await projectAll(database, cart);
}

/** The product service, with each call noted as it arrives. */
function measured(domain: AnyDomain, arrivals: Arrival[]): AnyDomain {
  return {
    ...domain,
    open: async (context, settings) => {
      const opened = (await domain.open?.(context, settings)) as DomainService;
      const [rpcs] = opened.rpcs as unknown as [{ implementation: ServiceImpl<typeof ProductService> }];
      const { getProduct } = rpcs.implementation;
      rpcs.implementation.getProduct = (request, call) => {
        arrivals.push({ at: performance.now(), from: call.requestHeader.get("x-request-id") ?? "" });
        return getProduct(request, call);
      };
      return opened;
    },
  };
}

const PER_SECOND = 10;
const ATTEMPTS = 3;
const LISTERS = Array.from({ length: 10 }, (_none, index) => BigInt(index + 1));
const SKUS_PER_CART = 5;
const HURRIED = 99n;
const SNEAKERS = 773_297_411;
