/** The product cache on real Redis servers, which are killed and stopped. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CacheResult, ProductCache } from "../../../src/domains/cart/products/product-cache.ts";
import { shardOf } from "../../../src/domains/cart/products/rendezvous.ts";
import { findRedis, Redis } from "../../../tools/stack/redis.ts";
import { checkIf } from "../../support/check-if.ts";
import { environment } from "../../support/database.ts";
import { until } from "../../support/wait.ts";

const caching = suite("product cache of cart");
const program = findRedis();
/** Without the program (Debian: `apt-get install redis-server`) these are skipped. */
const check = checkIf(program, caching);
const BOOK = { name: "a book", price: 3379 };

check("what one process puts, another gets, from the shard that the key belongs to", async () => {
  await using world = await World.start();
  const { cache, servers } = world;
  const skus = Array.from({ length: 40 }, (_none, index) => index + 1);
  await Promise.all(skus.map((sku) => cache.put(sku, { ...BOOK, price: sku })));
  await using other = await world.open();
  for (const sku of skus) assert.equal(await other.cache.get(sku), { ...BOOK, price: sku });
  assert.equal(
    other.results,
    skus.map(() => "hit"),
  );
  assert.is(await other.cache.get(999), undefined);
  assert.is(other.results.at(-1), "miss");
  for (const [index, server] of servers.entries()) {
    const own = skus.filter((sku) => world.indexOf(sku) === index).map((sku) => `waybill:product:${sku}`);
    assert.ok(own.length > 0);
    assert.equal((await keysOf(server)).sort(), own.sort());
  }
});

check("a product is kept for a minute at most", async () => {
  await using world = await World.start();
  await world.cache.put(7, BOOK);
  const server = world.serverOf(7);
  const ttl = Number((await ask(server, "TTL", "waybill:product:7")).slice(1));
  assert.ok(ttl > 0 && ttl <= 60, String(ttl));
});

check("what is stored otherwise is a miss", async () => {
  await using world = await World.start();
  for (const text of ["{", "null", "7", '{"name":1,"price":2}', '{"name":"a","price":-1}', '{"name":"a"}']) {
    await ask(world.serverOf(7), "SET", "waybill:product:7", text);
    assert.is(await world.cache.get(7), undefined, text);
  }
  assert.equal(new Set(world.results), new Set<CacheResult>(["miss"]));
});

check(
  "a shard that dies is a miss at once, the other one goes on, and it is used again when it is back",
  async () => {
    await using world = await World.start();
    const { cache, results } = world;
    const [here, there] = [world.skuOn(0), world.skuOn(1)];
    for (const sku of [here, there]) await cache.put(sku, BOOK);
    await world.servers[0].stop("SIGKILL");
    await until("the loss is noticed", async () => {
      assert.is(await cache.get(here), undefined);
      return results.at(-1) === "error";
    });
    assert.is(await isAtOnce(cache.get(here)), true);
    await cache.put(here, BOOK);
    assert.equal(await cache.get(there), BOOK);
    assert.is(results.at(-1), "hit");
    await world.servers[0].start();
    await until("it is connected again", async () => {
      await cache.put(here, BOOK);
      return (await cache.get(here)) !== undefined;
    });
  },
);

check("a shard that hangs keeps callers waiting once, in all", async () => {
  await using world = await World.start();
  const { cache, results } = world;
  const sku = world.skuOn(0);
  await cache.put(sku, BOOK);
  world.servers[0].signal("SIGSTOP");
  try {
    assert.is(await isAtOnce(cache.get(sku)), false);
    assert.is(await cache.get(sku), undefined);
    await until("the first caller has waited long enough", () => results.length === 2);
    for (let times = 0; times < 10; times++) assert.is(await isAtOnce(cache.get(sku)), true);
    assert.equal(
      results,
      Array.from({ length: 12 }, () => "error"),
    );
  } finally {
    world.servers[0].signal("SIGCONT");
  }
  await until("it answers again", async () => (await cache.get(sku)) !== undefined);
});

check("a connection on which nothing moves is given up, and a new one is made", async () => {
  await using world = await World.start();
  await using proxy = await startProxy(Number(new URL(world.servers[0].url).port));
  const cache = new ProductCache([proxy.url], () => {});
  try {
    await cache.connect();
    await until("it is connected", async () => {
      await cache.put(7, BOOK);
      return (await cache.get(7)) !== undefined;
    });
    proxy.silence();
    assert.is(await cache.get(7), undefined);
    await until("another connection is made", async () => (await cache.get(7)) !== undefined);
  } finally {
    cache.close();
  }
});

caching("without a server nothing is cached, and nothing counted", async () => {
  const results: CacheResult[] = [];
  const cache = new ProductCache([], (result) => results.push(result));
  await cache.connect();
  await cache.put(7, BOOK);
  assert.is(await cache.get(7), undefined);
  assert.equal(results, []);
  cache.close();
});

caching("a server that was never there is a miss, and closing ends the attempts", async () => {
  const results: CacheResult[] = [];
  const cache = new ProductCache(["redis://127.0.0.1:9"], (result) => results.push(result));
  await cache.connect();
  await cache.put(7, BOOK);
  assert.is(await cache.get(7), undefined);
  assert.equal(results, ["error"]);
  cache.close();
});

caching.run();

/** A cache of two shards with a connection to each. */
class World implements AsyncDisposable {
  readonly cache: ProductCache;
  readonly servers: readonly [Redis, Redis];
  /** What each reading gave. */
  readonly results: CacheResult[] = [];
  readonly #stop: () => Promise<void>;

  private constructor(servers: readonly [Redis, Redis], stop: () => Promise<void>) {
    this.servers = servers;
    this.#stop = stop;
    this.cache = new ProductCache(
      servers.map(({ url }) => url),
      (result) => this.results.push(result),
    );
  }

  static async start(): Promise<World> {
    count += 1;
    const start = (name: string) =>
      Redis.create(program as string, join(environment("WAYBILL_TEST_FOLDER"), `redis-${count}-${name}`));
    const servers = [await start("a"), await start("b")] as const;
    const world = new World(servers, async () => {
      for (const server of servers) await server.stop("SIGKILL");
    });
    return world.#connect();
  }

  /** A second process, as it were. */
  open(): Promise<World> {
    return new World(this.servers, async () => {}).#connect();
  }

  async #connect(): Promise<World> {
    await this.cache.connect();
    const skus = [this.skuOn(0), this.skuOn(1)];
    await until("both shards are connected", async () => {
      for (const sku of skus) await this.cache.get(sku);
      return this.results.slice(-2).every((result) => result !== "error");
    });
    this.results.length = 0;
    return this;
  }

  indexOf(sku: number): number {
    const hosts = this.servers.map(({ url }) => new URL(url).host);
    return hosts.indexOf(shardOf(`waybill:product:${sku}`, hosts) as string);
  }

  serverOf(sku: number): Redis {
    return this.servers[this.indexOf(sku)] as Redis;
  }

  /** A SKU that belongs to a server. */
  skuOn(index: number): number {
    let sku = 1_000_000;
    while (this.indexOf(sku) !== index) sku += 1;
    return sku;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cache.close();
    await this.#stop();
  }
}

/** One command, past the cache. */
async function ask(server: Redis, ...words: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  socket.write(`*${words.length}\r\n${parts.join("")}`);
  const [data] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return data.toString();
}

async function keysOf(server: Redis): Promise<string[]> {
  const answer = await ask(server, "KEYS", "*");
  return answer.split("\r\n").filter((line) => line.startsWith("waybill:"));
}

/** Passes bytes on, until those connections that are open fall silent without being closed. */
async function startProxy(port: number) {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on("error", () => {});
      from.on("data", (data) => to.write(data));
      from.on("close", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence: () => {
      for (const socket of open) socket.pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Whether it settles before any other work of this process. */
function isAtOnce(work: Promise<unknown>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return Promise.race([work.then(() => true), later]);
}

let count = 0;
