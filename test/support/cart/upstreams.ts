/**
 * Test doubles of the services that cart calls: they answer, refuse, wait and count, in this process or over gRPC by
 * `startUpstreams`.
 */
import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { UnavailableError, UpstreamError } from "../../../src/contract/errors.ts";
import { LomsService } from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { ProductService } from "../../../src/proto/marketplace/product/v1/product_pb.ts";

type Order = Readonly<{ orderId: bigint; user: bigint; items: readonly string[] }>;

export class Upstreams {
  readonly products = new Map([
    [1002, { name: "two", price: 200 }],
    [1003, { name: "three", price: 300 }],
    [1004, { name: "four", price: 400 }],
  ]);
  readonly stock = new Map([
    [1002, 100n],
    [1003, 100n],
  ]);
  /** By the key under which each was created. */
  readonly orders = new Map<string, Order>();
  /** Keys of all OrderCreate calls, and SKUs of all GetProduct calls. */
  readonly orderCalls: string[] = [];
  readonly productCalls: number[] = [];
  /** Calls of OrderPay and OrderCancel, such as `pay 7 <key>`. */
  readonly changes: string[] = [];
  readonly tokens = new Set<string | null>();
  atOnceMax = 0;
  /** Delays a call. */
  whileProduct: (sku: number, signal: AbortSignal) => Promise<unknown> = async () => {};
  beforeOrder: (key: string) => Promise<unknown> = async () => {};
  afterOrder: (key: string) => Promise<unknown> = async () => {};
  #atOnce = 0;

  readonly routes: NonNullable<Parameters<typeof createRouterTransport>[0]> = (router) => {
    router.service(ProductService, {
      listSkus: ({ startAfterSku, count }) => ({
        skus: [...this.products.keys()].filter((sku) => sku > startAfterSku).slice(0, count),
      }),
      getProduct: async ({ sku }, { signal, requestHeader }) => {
        this.productCalls.push(sku);
        this.tokens.add(requestHeader.get("authorization"));
        this.#atOnce += 1;
        this.atOnceMax = Math.max(this.atOnceMax, this.#atOnce);
        try {
          await this.whileProduct(sku, signal);
        } finally {
          this.#atOnce -= 1;
        }
        const product = this.products.get(sku);
        if (product) return product;
        throw new ConnectError("there is no such product", Code.NotFound);
      },
    });
    router.service(LomsService, {
      stockInfo: ({ sku }) => {
        const count = this.stock.get(sku);
        if (count === undefined) throw new ConnectError("there is no such stock", Code.NotFound);
        return { count };
      },
      orderCreate: async ({ user, items }, { requestHeader }) => {
        const key = requestHeader.get("idempotency-key") ?? "";
        this.orderCalls.push(key);
        this.tokens.add(requestHeader.get("authorization"));
        await this.beforeOrder(key);
        const order = this.orders.get(key) ?? this.#create(user, items);
        this.orders.set(key, order);
        await this.afterOrder(key);
        return { orderId: order.orderId };
      },
      orderPay: ({ orderId }, { requestHeader }) => this.#change("pay", orderId, requestHeader),
      orderCancel: ({ orderId }, { requestHeader }) => this.#change("cancel", orderId, requestHeader),
    });
  };

  /** Clients that call in this process, with the platform's errors. */
  clientOf<Service extends DescService>(service: Service): Client<Service> {
    const client = createClient(service, createRouterTransport(this.routes));
    return Object.fromEntries(
      Object.entries(client).map(([name, call]) => [
        name,
        (...args: never[]) => (call as (...all: never[]) => Promise<unknown>)(...args).catch(rethrow),
      ]),
    ) as Client<Service>;
  }

  /** Only order 7 can be paid and cancelled. */
  #change(verb: string, orderId: bigint, header: Headers) {
    this.tokens.add(header.get("authorization"));
    this.changes.push(`${verb} ${orderId} ${header.get("idempotency-key")}`);
    if (orderId !== 7n) throw new ConnectError("wrong status", Code.FailedPrecondition);
    return {};
  }

  #create(user: bigint, items: readonly { sku: number; count: number }[]): Order {
    for (const { sku, count } of items) {
      if ((this.stock.get(sku) ?? 0n) < BigInt(count))
        throw new ConnectError("too little stock", Code.FailedPrecondition);
    }
    for (const { sku, count } of items) this.stock.set(sku, (this.stock.get(sku) ?? 0n) - BigInt(count));
    return {
      orderId: BigInt(this.orders.size + 1),
      user,
      items: items.map(({ sku, count }) => `${sku}: ${count}`),
    };
  }
}

function rethrow(error: unknown): never {
  const { code, rawMessage } = ConnectError.from(error);
  if (code === Code.Unavailable) throw new UnavailableError(rawMessage, 1);
  throw new UpstreamError(
    Code[code].replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
    rawMessage,
  );
}
