/** The cart in this process, on a database of its own, with other services that the test plays. */
import type { DomainContext, DomainModule, DomainService } from "../../../src/contract/domain.ts";
import type { RpcCall } from "../../../src/contract/rpc.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import type { Decided } from "../../../src/domains/cart/model.ts";
import type { implementationOf } from "../../../src/domains/cart/rpcs.ts";
import type { CartSettings } from "../../../src/domains/cart/settings.ts";
import { createDatabase, type TestDatabase } from "../database.ts";
import { startInProcess } from "../service.ts";
import { Upstreams } from "./upstreams.ts";

type Calls = ReturnType<typeof implementationOf>;
type Answer = Readonly<{ items: readonly string[]; total: bigint }>;

/** How a call is made. */
export type Calling = Readonly<{ key?: string; signal?: AbortSignal }>;

export class CartService implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly upstreams: Upstreams;
  readonly url: string;
  readonly #calls: Calls;
  readonly #stop: () => Promise<void>;

  private constructor(
    database: TestDatabase,
    upstreams: Upstreams,
    url: string,
    calls: Calls,
    stop: () => Promise<void>,
  ) {
    this.database = database;
    this.upstreams = upstreams;
    this.url = url;
    this.#calls = calls;
    this.#stop = stop;
  }

  static async start(environment: Record<string, string> = {}): Promise<CartService> {
    const database = await createDatabase();
    const upstreams = new Upstreams();
    let service: DomainService<Decided> | undefined;
    const underTest: DomainModule<CartSettings, Decided> = {
      ...cart,
      open: (context: DomainContext, settings: CartSettings) => {
        service = cart.open?.({ ...context, openRpcClient: upstreams.openRpcClient }, settings);
        return service as DomainService<Decided>;
      },
    };
    const running = await startInProcess(database, { ...ENVIRONMENT, ...environment }, [underTest]);
    const calls = service?.rpcs?.[0]?.implementation as unknown as Calls;
    return new CartService(database, upstreams, running.url, calls, async () => {
      await running[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    });
  }

  add(sku: number, count: number, calling?: Calling, user = USER) {
    return this.#calls.itemAdd({ user, sku, count } as never, callOf(calling));
  }

  drop(sku: number, calling?: Calling) {
    return this.#calls.itemDelete({ user: USER, sku } as never, callOf(calling));
  }

  clear(calling?: Calling) {
    return this.#calls.clear({ user: USER } as never, callOf(calling));
  }

  /** Items such as `1002: 2 two at 200`. */
  async list(calling?: Calling, user = USER): Promise<Answer> {
    const { items, totalPrice } = await this.#calls.list({ user } as never, callOf(calling));
    const text = ({ sku, count, name, price }: (typeof items)[number]) =>
      `${sku}: ${count} ${name} at ${price}`;
    return { items: items.map(text), total: totalPrice };
  }

  /** @returns the id of the order. */
  async checkout(calling?: Calling, user = USER): Promise<bigint> {
    return (await this.#calls.checkout({ user } as never, callOf(calling))).orderId;
  }

  /** What the cart of the user holds. */
  async held(user = USER): Promise<string[]> {
    const { rows } = await this.database.query(
      "select sku || ': ' || count as item from cart_items where user_id = $1 order by sku",
      [String(user)],
    );
    return rows.map(({ item }) => item);
  }

  /** All checkouts, such as `k done 1`, by the position that began them. */
  async checkouts(): Promise<string[]> {
    const { rows } = await this.database.query(
      "select concat_ws(' ', id, state, order_id) as text from cart_checkouts order by opened_position",
    );
    return rows.map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

function callOf({ key, signal = new AbortController().signal }: Calling = {}): RpcCall {
  const requestHeader = new Headers(key === undefined ? {} : { "idempotency-key": key });
  return { requestHeader, signal } as RpcCall;
}

const USER = 31_337n;
/** The clients do not call these addresses. */
const ENVIRONMENT = {
  DOMAINS: "cart",
  GRPC_PORT: "0",
  CART_PRODUCT_URL: "http://127.0.0.1:9",
  CART_LOMS_URL: "http://127.0.0.1:9",
};
