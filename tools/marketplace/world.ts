/**
 * The marketplace on this machine: PostgreSQL with a database for each service, a PgBouncer between every service and its
 * database, two Redis servers, and the services: product, loms and twice cart.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { install } from "../../src/cli/install.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import type { Child } from "../stack/child.ts";
import { openDataFolder } from "../stack/data-folder.ts";
import { findPgBouncer, PgBouncer } from "../stack/pgbouncer.ts";
import { freePort } from "../stack/ports.ts";
import { type DatabaseUrls, Postgres } from "../stack/postgres.ts";
import { findRedis, Redis } from "../stack/redis.ts";
import { startServiceProcess } from "../stack/service.ts";

/** One running process. */
export type Service = Readonly<{
  /** What it is called in messages: two processes of one domain have two names. */
  name: string;
  child: Child;
  /** Where it answers HTTP: the gateway, the API pages, metrics and the audit. */
  url: string;
  grpcUrl: string;
  logFile: string;
}>;

export type World = AsyncDisposable &
  Readonly<{
    postgres: Postgres;
    /** The databases by their names, as the services reach them. */
    databases: ReadonlyMap<string, DatabaseUrls>;
    redis: readonly Redis[];
    product: Service;
    loms: Service;
    carts: readonly [Service, Service];
    services: readonly Service[];
  }>;

/** The token that every service asks for, and that callers send. */
export const TOKEN = "testtoken";

/**
 * Starts everything and waits until all services are ready.
 * @param say is told what is being done.
 * @param common variables of every service, such as where its traces go.
 */
export async function startWorld(
  say: (text: string) => void,
  common: Readonly<Record<string, string>> = {},
): Promise<World> {
  const [pgBouncer, redisServer] = [findPgBouncer(), findRedis()];
  if (!pgBouncer || !redisServer) {
    throw new Error(
      "the marketplace needs PgBouncer and Redis on PATH (Debian: apt-get install pgbouncer redis-server)",
    );
  }
  await using started = new AsyncDisposableStack();
  const { path: folder } = started.use(await openDataFolder("marketplace"));
  say("starting PostgreSQL, PgBouncer and Redis");
  const postgres = await Postgres.create(join(folder, "postgres"));
  started.defer(() => postgres.stop());
  const direct = new Map<string, DatabaseUrls>();
  for (const name of SERVICES) direct.set(name, await createDatabase(postgres, name));
  const pooler = started.use(
    await PgBouncer.start(
      pgBouncer,
      join(folder, "pgbouncer"),
      [...direct.values()].map(({ serviceUrl }) => serviceUrl),
    ),
  );
  const redis: Redis[] = [];
  for (const number of [1, 2]) {
    redis.push(started.use(await Redis.create(redisServer, join(folder, `redis-${number}`))));
  }

  const start = async (domain: ServiceName, name: string, environment: Record<string, string> = {}) => {
    const { ownerUrl, serviceUrl } = direct.get(domain) as DatabaseUrls;
    const [httpPort, grpcPort] = [await freePort(), await freePort()];
    const own = join(folder, name.replace(" ", "-"));
    await mkdir(own, { recursive: true });
    const { child, url, logFile } = await startServiceProcess(
      {
        DATABASE_URL: pooler.through(serviceUrl),
        // PgBouncer keeps no session: what migrates goes to the server itself.
        MIGRATION_DATABASE_URL: ownerUrl,
        DOMAINS: domain,
        SOURCES: "http",
        HTTP_PORT: String(httpPort),
        GRPC_PORT: String(grpcPort),
        INGRESS_TOKEN: TOKEN,
        OTEL_SERVICE_NAME: domain,
        ...common,
        ...environment,
      },
      own,
    );
    started.defer(() => child.end("SIGTERM"));
    return { name, child, url, grpcUrl: `http://127.0.0.1:${grpcPort}`, logFile };
  };
  say("starting product and loms");
  const [product, loms] = await Promise.all([start("product", "product"), start("loms", "loms")]);
  say("starting cart, twice");
  const upstreams = {
    CART_PRODUCT_URL: product.grpcUrl,
    CART_LOMS_URL: loms.grpcUrl,
    CART_TOKEN: TOKEN,
    REDIS_URLS: redis.map(({ url }) => url).join(),
  };
  const carts = await Promise.all([start("cart", "cart 1", upstreams), start("cart", "cart 2", upstreams)]);

  const databases = new Map(
    [...direct].map(([name, { ownerUrl, serviceUrl }]) => [
      name,
      { ownerUrl, serviceUrl: pooler.through(serviceUrl) },
    ]),
  );
  const all = started.move();
  return {
    postgres,
    databases,
    redis,
    product,
    loms,
    carts,
    services: [product, loms, ...carts],
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Makes and migrates the database of one service. */
async function createDatabase(postgres: Postgres, name: ServiceName): Promise<DatabaseUrls> {
  const urls = await postgres.createDatabaseWithRoles(name);
  await install(
    urls.ownerUrl,
    urls.serviceUrl,
    DOMAINS.filter((domain) => domain.name === name),
  );
  return urls;
}

const SERVICES = ["product", "loms", "cart"] as const;
type ServiceName = (typeof SERVICES)[number];
