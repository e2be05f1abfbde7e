/** The cart in this process, on its own database, with other services played by the test. */
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

/** Keys differ between users. */
export type Calling = Readonly<{ key?: string; signal?: AbortSignal }>;

export class CartService implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly url: string;
  readonly #upstreams: { now: Upstreams };
  readonly #calls: Calls;
  readonly #stop: () => Promise<void>;
  #users = 0n;

  private constructor(
    database: TestDatabase,
    url: string,
    upstreams: { now: Upstreams },
    calls: Calls,
    stop: () => Promise<void>,
  ) {
    this.database = database;
    this.url = url;
    this.#upstreams = upstreams;
    this.#calls = calls;
    this.#stop = stop;
  }

  static async start(environment: Record<string, string> = {}): Promise<CartService> {
    const database = await createDatabase();
    const upstreams = { now: new Upstreams() };
    let service: DomainService<Decided> | undefined;
    const underTest: DomainModule<CartSettings, Decided> = {
      ...cart,
      open: async (context: DomainContext, settings: CartSettings) => {
        service = await cart.open?.({ ...context, openRpcClient: clientsOf(upstreams) }, settings);
        return service as DomainService<Decided>;
      },
    };
    const running = await startInProcess(database, { ...ENVIRONMENT, ...environment }, [underTest]);
    const calls = service?.rpcs?.[0]?.implementation as unknown as Calls;
    return new CartService(database, running.url, upstreams, calls, async () => {
      await running[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    });
  }

  /** A user with an empty cart, in a world whose other services have forgotten earlier users. */
  newUser(): CartUser {
    this.#users += 1n;
    this.#upstreams.now = new Upstreams();
    return new CartUser(this.database, this.#upstreams.now, this.#calls, this.#users);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

export class CartUser {
  readonly user: bigint;
  readonly upstreams: Upstreams;
  readonly #database: TestDatabase;
  readonly #calls: Calls;

  constructor(database: TestDatabase, upstreams: Upstreams, calls: Calls, user: bigint) {
    this.#database = database;
    this.upstreams = upstreams;
    this.#calls = calls;
    this.user = user;
  }

  add(sku: number, count: number, calling?: Calling) {
    return this.#calls.itemAdd({ user: this.user, sku, count } as never, this.#callOf(calling));
  }

  drop(sku: number, calling?: Calling) {
    return this.#calls.itemDelete({ user: this.user, sku } as never, this.#callOf(calling));
  }

  clear(calling?: Calling) {
    return this.#calls.clear({ user: this.user } as never, this.#callOf(calling));
  }

  /** Items such as `1002: 2 two at 200`. */
  async list(calling?: Calling): Promise<Answer> {
    const { items, totalPrice } = await this.#calls.list({ user: this.user } as never, this.#callOf(calling));
    const text = ({ sku, count, name, price }: (typeof items)[number]) =>
      `${sku}: ${count} ${name} at ${price}`;
    return { items: items.map(text), total: totalPrice };
  }

  /** @returns the id of the order. */
  async checkout(calling?: Calling): Promise<bigint> {
    return (await this.#calls.checkout({ user: this.user } as never, this.#callOf(calling))).orderId;
  }

  async held(): Promise<string[]> {
    const { rows } = await this.#database.query(
      "select sku || ': ' || count as item from cart_items where user_id = $1 order by sku",
      [String(this.user)],
    );
    return rows.map(({ item }) => item);
  }

  /** All checkouts, such as `k done 1`, by the position that began them. */
  async checkouts(): Promise<string[]> {
    const { rows } = await this.#database.query(
      `select concat_ws(' ', id, state, order_id) as text from cart_checkouts where user_id = $1
       order by opened_position`,
      [String(this.user)],
    );
    return rows.map(({ text }) => text.replace(this.keyOf(""), ""));
  }

  /** The number of stored commands of the user. */
  async commands(): Promise<number> {
    const { rows } = await this.#database.query(
      "select count(*)::integer as count from cart_commands where user_id = $1",
      [String(this.user)],
    );
    return rows[0].count;
  }

  /** The key for a word. */
  keyOf(word: string): string {
    return `user-${this.user}-${word}`;
  }

  #callOf({ key, signal = new AbortController().signal }: Calling = {}): RpcCall {
    const headers = key === undefined ? {} : { "idempotency-key": this.keyOf(key) };
    return { requestHeader: new Headers(headers), signal } as RpcCall;
  }
}

/** Clients of the current upstreams. */
function clientsOf(upstreams: { now: Upstreams }): DomainContext["openRpcClient"] {
  return async (service) =>
    new Proxy({} as never, {
      get: (_target, name) => Reflect.get(upstreams.now.clientOf(service), name),
    });
}

/** Never called. */
const ENVIRONMENT = {
  DOMAINS: "cart",
  GRPC_PORT: "0",
  CART_PRODUCT_URL: "http://127.0.0.1:9",
  CART_LOMS_URL: "http://127.0.0.1:9",
};
