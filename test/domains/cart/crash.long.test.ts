/** A checkout is cut at every step by the death of its process: it ends in one order, which takes what was frozen. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import type { ServiceProcess } from "../../../tools/stack/service.ts";
import { add } from "../../support/cart/cart.ts";
import { openCartClient } from "../../support/cart/client.ts";
import { cartMessage } from "../../support/cart/messages.ts";
import { UpstreamServer } from "../../support/cart/upstream-server.ts";
import type { Upstreams } from "../../support/cart/upstreams.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { errorOf } from "../../support/error.ts";
import { startAsProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

/** Where the process dies: at a pass through a failpoint, or when loms is called. */
type Cut = Readonly<{ failpoint: string } | { at: "beforeOrder" | "afterOrder" }>;

/** The first batch begins the checkout, the second one ends it. */
const CUTS: Readonly<Record<string, Cut>> = {
  "before the checkout is stored": { failpoint: "append-before-commit:1" },
  "after it is stored": { failpoint: "commit-before-ack:1" },
  "after its items are frozen": { failpoint: "projection-before-cache:1" },
  "before loms has made the order": { at: "beforeOrder" },
  "after loms has made the order": { at: "afterOrder" },
  "before the order is stored": { failpoint: "append-before-commit:2" },
  "after the order is stored": { failpoint: "commit-before-ack:2" },
  "after what was frozen has left the cart": { failpoint: "projection-before-cache:2" },
};

const crash = suite("crash of cart");

for (const [moment, cut] of Object.entries(CUTS)) {
  for (const isAskedAgain of [false, true]) {
    // What was not stored is not known to anyone but its caller.
    if (moment === "before the checkout is stored" && !isAskedAgain) continue;
    const who = isAskedAgain ? "its caller" : "the background";
    crash(`a process that dies ${moment} leaves a checkout that ${who} brings to one order`, async () => {
      await using database = await databaseWithCart();
      await using server = await UpstreamServer.start();
      const { upstreams } = server;
      await dieAt(cut, database, server);
      if (moment !== "before the checkout is stored") await add1003(database);

      const resumeSeconds = isAskedAgain ? "3600" : "1";
      const { child, grpcPort } = await start(database, server, { CART_RESUME_SECONDS: resumeSeconds });
      try {
        using client = openCartClient(grpcPort);
        if (!isAskedAgain) await until("it has ended", async () => (await stateOf(database)) === "done");
        const { orderId } = await client.checkout(USER, KEY);
        assertOneOrder(upstreams, orderId);
        const left = moment === "before the checkout is stored" ? [] : ["1003: 1"];
        // It may stand behind the checkout in the inbox.
        await until("what was added meanwhile is in the cart", async () => {
          return (await itemsIn(database)).length === left.length;
        });
        assert.equal(await itemsIn(database), left);
        assert.ok((await audit(database, [cart], { isFull: true })).holds);
      } finally {
        await child.end("SIGTERM");
      }
    });
  }
}

crash.run();

/** Begins a checkout in a process that dies on the way. */
async function dieAt(cut: Cut, database: TestDatabase, server: UpstreamServer): Promise<void> {
  const armed: Record<string, string> = "failpoint" in cut ? { WAYBILL_FAILPOINT: cut.failpoint } : {};
  const { child, grpcPort } = await start(database, server, { ...armed, CART_RESUME_SECONDS: "3600" });
  const { upstreams } = server;
  if ("at" in cut) {
    upstreams[cut.at] = async () => {
      upstreams[cut.at] = async () => {};
      await child.end("SIGKILL");
    };
  }
  using client = openCartClient(grpcPort);
  await errorOf(client.checkout(USER, KEY));
  await child.ended;
}

async function start(database: TestDatabase, server: UpstreamServer, environment: Record<string, string>) {
  const grpcPort = await freePort();
  const service: ServiceProcess = await startAsProcess(database.serviceUrl, {
    DOMAINS: "cart",
    GRPC_PORT: String(grpcPort),
    ...server.environment,
    ...environment,
  });
  return { ...service, grpcPort };
}

async function databaseWithCart(): Promise<TestDatabase> {
  const database = await createDatabase();
  await appendAll(database, [cartMessage({ id: "first", ...add(1002, 2) })], cart);
  await projectAll(database, cart);
  return database;
}

/** While the checkout is open, the user adds another item. */
async function add1003(database: TestDatabase): Promise<void> {
  await appendAll(database, [cartMessage({ id: "meanwhile", ...add(1003, 1) })], cart);
}

function assertOneOrder({ orders, orderCalls }: Upstreams, orderId: bigint): void {
  assert.equal(
    [...orders],
    [[KEY_TEXT, { orderId, user: 31_337n, items: ["1002: 2"] }]],
    `one order of ${orderCalls.length} calls`,
  );
}

async function stateOf(database: TestDatabase): Promise<string> {
  const { rows } = await database.query("select state from cart_checkouts");
  return rows[0]?.state ?? "none";
}

async function itemsIn(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.query("select sku || ': ' || count as item from cart_items order by sku");
  return rows.map(({ item }) => item);
}

const USER = { user: 31_337n };
const KEY_TEXT = "checkout-of-the-test";
const KEY = { headers: { "idempotency-key": KEY_TEXT } };
