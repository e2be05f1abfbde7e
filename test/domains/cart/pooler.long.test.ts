/** The pooler between the services and their databases is restarted while callers order: none gets a wrong answer. */
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { findPgBouncer, PgBouncer } from "../../../tools/stack/pgbouncer.ts";
import { isReady } from "../../../tools/stack/service.ts";
import { startCart, startLomsAndProduct } from "../../support/cart/processes.ts";
import { checkIf } from "../../support/check-if.ts";
import { createDatabase, environment } from "../../support/database.ts";
import { until } from "../../support/wait.ts";

const pooled = suite("pooler of the marketplace");
const program = findPgBouncer();
const check = checkIf(program, pooled);

check(
  "callers get UNAVAILABLE or the right answer while the pooler is killed and restarted, and each key has one outcome",
  async () => {
    await using lomsDatabase = await createDatabase();
    await using cartDatabase = await createDatabase();
    const urls = [lomsDatabase.serviceUrl, cartDatabase.serviceUrl];
    const folder = join(environment("WAYBILL_TEST_FOLDER"), `pgbouncer-${cartDatabase.name}`);
    await using pooler = await PgBouncer.start(program as string, folder, urls);
    await using shop = await startLomsAndProduct(pooler.through(lomsDatabase.serviceUrl));
    await using carts = await startCart(pooler.through(cartDatabase.serviceUrl), shop.grpcUrl);
    const services = [shop, carts];
    const put = JSON.stringify({ id: "put", type: "stock.put", ...ITEM_STOCK });
    assert.is((await fetch(`${shop.url}/loms/commands`, { method: "POST", body: put })).status, 202);
    await until("the stock is there", () =>
      shop.client.stockInfo({ sku: ITEM.sku }).then(
        ({ count }) => count === BigInt(ITEM_STOCK.total),
        () => false,
      ),
    );
    const callers = new Callers(shop.client, carts.client);
    const load = callers.run();

    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      await callers.haveMoreAnswers();
      await pooler.stop(signal);
      callers.refusals = 0;
      for (const { url } of services)
        await until("it says that the database is away", async () => {
          const { status, body } = await readinessOf(url);
          return status === 503 && body.includes("database");
        });
      await until("a caller is refused", () => callers.refusals > 0);
      await pooler.start();
      for (const { url } of services) await until("it is ready", () => isReady(url));
      await callers.haveMoreAnswers();
    }
    callers.isOver = true;
    await load;
    if (callers.failure !== undefined) throw callers.failure;

    assert.equal([...callers.codes], [Code.Unavailable]);
    for (const { child } of services) assert.not(child.hasEnded());
    for (const { key, user, order } of callers.ordered) {
      const options = { headers: { "idempotency-key": key } };
      const again =
        user < FIRST_OF_LOMS ? carts.client.checkout({ user }, options) : callers.create(user, options);
      assert.is((await again).orderId, order, `the order of ${key}, asked for again`);
    }
    const { rows } = await lomsDatabase.query(
      "select id, user_id as user, status from loms_orders order by id",
    );
    assert.equal(
      rows.map(({ id, user, status }) => `${id} of ${user}: ${status}`),
      callers.ordered
        .sort((one, other) => Number(one.order - other.order))
        .map(({ order, user }) => `${order} of ${user}: payed`),
    );
    assert.ok((await audit(lomsDatabase, [loms], { isFull: true })).holds);
    assert.ok((await audit(cartDatabase, [cart], { isFull: true })).holds);
  },
);

pooled.run();

async function readinessOf(url: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, body: await response.text() };
}

type Options = Readonly<{ headers: Record<string, string> }>;
type LomsClient = Awaited<ReturnType<typeof startLomsAndProduct>>["client"];
type CartClient = Awaited<ReturnType<typeof startCart>>["client"];
type Ordered = Readonly<{ key: string; user: bigint; order: bigint }>;

/** Users of cart, and users who order at loms, until it is over. Each asks again under the same key until it is answered. */
class Callers {
  readonly codes = new Set<Code>();
  readonly ordered: Ordered[] = [];
  refusals = 0;
  isOver = false;
  failure: unknown;
  readonly #loms: LomsClient;
  readonly #cart: CartClient;

  constructor(lomsClient: LomsClient, cartClient: CartClient) {
    this.#loms = lomsClient;
    this.#cart = cartClient;
  }

  async run(): Promise<void> {
    const users = [1n, 2n, FIRST_OF_LOMS, FIRST_OF_LOMS + 1n];
    await Promise.all(
      users.map(async (user) => {
        while (!this.isOver) await (user < FIRST_OF_LOMS ? this.#buy(user) : this.#order(user));
      }),
    ).catch((error: unknown) => {
      this.failure = error;
    });
  }

  create(user: bigint, options: Options) {
    return this.#loms.orderCreate({ user, items: ITEMS }, options);
  }

  /** Waits until both kinds of users have ordered again. */
  async haveMoreAnswers(): Promise<void> {
    const known = this.ordered.length;
    await until("users of cart and of loms have ordered", () => {
      if (this.failure !== undefined) throw this.failure;
      const users = this.ordered.slice(known).map(({ user }) => user);
      return users.some((user) => user < FIRST_OF_LOMS) && users.some((user) => user >= FIRST_OF_LOMS);
    });
  }

  async #buy(user: bigint): Promise<void> {
    await this.#untilAnswered((options) => this.#cart.itemAdd({ user, ...ITEM }, options));
    const { items } = await this.#untilAnswered((options) => this.#cart.list({ user }, options));
    assert.equal(
      items.map(({ sku, count }) => ({ sku, count })),
      ITEMS,
    );
    await this.#pay(user, (options) => this.#cart.checkout({ user }, options));
  }

  async #order(user: bigint): Promise<void> {
    await this.#pay(user, (options) => this.create(user, options));
  }

  async #pay(user: bigint, order: (options: Options) => Promise<{ orderId: bigint }>): Promise<void> {
    const key = crypto.randomUUID();
    const { orderId } = await this.#untilAnswered(order, key);
    await this.#show(orderId, "awaiting payment", user);
    await this.#untilAnswered((options) => this.#loms.orderPay({ orderId }, options));
    await this.#show(orderId, "payed", user);
    this.ordered.push({ key, user, order: orderId });
  }

  async #show(orderId: bigint, status: string, user: bigint): Promise<void> {
    const order = await this.#untilAnswered((options) => this.#loms.orderInfo({ orderId }, options));
    const items = order.items.map(({ sku, count }) => ({ sku, count }));
    assert.equal([order.status, order.user, items], [status, user, ITEMS]);
  }

  async #untilAnswered<Answer extends object>(
    call: (options: Options) => Promise<Answer>,
    key = crypto.randomUUID(),
  ): Promise<Answer> {
    return until("a call is answered", async () => {
      try {
        return await call({ headers: { "idempotency-key": key } });
      } catch (error) {
        const { code, message } = ConnectError.from(error);
        this.codes.add(code);
        this.refusals++;
        if (code !== Code.Unavailable) throw new Error(message, { cause: error });
        return undefined;
      }
    }) as Promise<Answer>;
  }
}

/** Smaller users order by their carts. */
const FIRST_OF_LOMS = 1_000n;
const ITEM = { sku: 1003, count: 1 };
const ITEMS = [ITEM];
/** Lasts longer than the test. */
const ITEM_STOCK = { sku: ITEM.sku, total: 10 ** 9, reserved: 0 };
