/**
 * The marketplace on this machine: PostgreSQL with a database for each service, a PgBouncer between every service and its
 * database, two Redis servers, a Kafka cluster of three brokers, and the services: product, loms, cart (twice) and
 * notifications.
 */
import { join } from "node:path";
import { Admin } from "@platformatic/kafka";
import { install } from "../../src/cli/install.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { EVENTS_TOPIC } from "../../src/domains/loms/events.ts";
import { openDataFolder } from "../stack/data-folder.ts";
import { KafkaCluster } from "../stack/kafka-cluster.ts";
import { findPgBouncer, PgBouncer } from "../stack/pgbouncer.ts";
import { type DatabaseUrls, Postgres } from "../stack/postgres.ts";
import { findRedis, Redis } from "../stack/redis.ts";
import { Service } from "./service.ts";

export type World = AsyncDisposable &
  Readonly<{
    /** Data and logs of everything. */
    folder: string;
    postgres: Postgres;
    pooler: PgBouncer;
    /** The databases by their names, as the services reach them. */
    databases: ReadonlyMap<string, DatabaseUrls>;
    redis: readonly Redis[];
    kafka: KafkaCluster;
    product: Service;
    loms: Service;
    carts: readonly [Service, Service];
    notifications: Service;
    /** All processes, a second one of loms included. */
    services: readonly Service[];
    /** Processes that ended although nothing ended them. */
    surprises: readonly string[];
  }>;

export type WorldOptions = Readonly<{
  /** Whether loms runs twice: then its relay has another process that takes over. The second cart calls the second loms. */
  hasTwoLoms?: boolean;
  /** Of PostgreSQL. */
  databaseSettings?: readonly string[];
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
  { hasTwoLoms = false, databaseSettings = [] }: WorldOptions = {},
): Promise<World> {
  const [pgBouncer, redisServer] = [findPgBouncer(), findRedis()];
  if (!pgBouncer || !redisServer) {
    throw new Error(
      "the marketplace needs PgBouncer and Redis on PATH (Debian: apt-get install pgbouncer redis-server)",
    );
  }
  await using started = new AsyncDisposableStack();
  const { path: folder } = started.use(await openDataFolder("marketplace"));
  say("starting Kafka, PostgreSQL, PgBouncer and Redis");
  // The slowest to start, so it starts beside the others.
  const startingKafka = startKafka(join(folder, "kafka"), say);
  startingKafka.catch(() => {});
  started.defer(async () => (await startingKafka.catch(() => undefined))?.[Symbol.asyncDispose]());
  const postgres = await Postgres.create(join(folder, "postgres"), databaseSettings);
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
  const kafka = await startingKafka;

  const surprises: string[] = [];
  const services: Service[] = [];
  started.defer(async () => {
    await Promise.all(services.map((service) => service.end("SIGTERM")));
  });
  const start = async (domain: ServiceName, name: string, environment: Record<string, string> = {}) => {
    const { ownerUrl, serviceUrl } = direct.get(domain) as DatabaseUrls;
    const service = await Service.create({
      name,
      domain,
      environment: {
        DATABASE_URL: pooler.through(serviceUrl),
        // PgBouncer keeps no session: what migrates connects to the server itself.
        MIGRATION_DATABASE_URL: ownerUrl,
        SOURCES: "http",
        INGRESS_TOKEN: TOKEN,
        OTEL_SERVICE_NAME: domain,
        ...common,
        ...environment,
      },
      folder,
      onSurprise: (text) => surprises.push(text),
    });
    services.push(service);
    await service.start();
    return service;
  };
  say("starting product, loms and notifications");
  const outbox = { OUTBOX_KAFKA_BROKERS: kafka.address };
  const [product, loms, otherLoms, notifications] = await Promise.all([
    start("product", "product"),
    start("loms", hasTwoLoms ? "loms 1" : "loms", outbox),
    hasTwoLoms ? start("loms", "loms 2", outbox) : undefined,
    start("notifications", "notifications", {
      SOURCES: "kafka,http",
      KAFKA_BROKERS: kafka.address,
      NOTIFICATIONS_KAFKA_TOPIC: EVENTS_TOPIC,
      // A process that starts again under its name gets its partitions back at once.
      KAFKA_CLIENT_ID: "notifications",
    }),
  ]);
  say("starting cart, twice");
  const startCart = (name: string, { grpcUrl }: Service) =>
    start("cart", name, {
      CART_PRODUCT_URL: product.grpcUrl,
      CART_LOMS_URL: grpcUrl,
      CART_NOTIFICATIONS_URL: notifications.grpcUrl,
      CART_TOKEN: TOKEN,
      REDIS_URLS: redis.map(({ url }) => url).join(),
    });
  const carts = await Promise.all([startCart("cart 1", loms), startCart("cart 2", otherLoms ?? loms)]);

  const databases = new Map(
    [...direct].map(([name, { ownerUrl, serviceUrl }]) => [
      name,
      { ownerUrl, serviceUrl: pooler.through(serviceUrl) },
    ]),
  );
  const all = started.move();
  return {
    folder,
    postgres,
    pooler,
    databases,
    redis,
    kafka,
    product,
    loms,
    carts,
    notifications,
    services,
    surprises,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The cluster and the topic of order events, as an operator makes it. */
async function startKafka(folder: string, say: (text: string) => void): Promise<KafkaCluster> {
  // The marketplace needs a cluster of three, and the torture kills its brokers: no other one may be used.
  delete process.env.KAFKA_BROKERS;
  const cluster = await KafkaCluster.start(folder, say);
  if (!cluster) {
    throw new Error(
      "the marketplace needs Kafka: Java 17 with Maven (Debian: apt-get install default-jre-headless maven), a Kafka in KAFKA_HOME, or Docker",
    );
  }
  const admin = new Admin({ clientId: "marketplace", bootstrapBrokers: cluster.address.split(",") });
  try {
    await admin.createTopics({
      topics: [EVENTS_TOPIC],
      partitions: PARTITIONS,
      replicas: 3,
      configs: [{ name: "min.insync.replicas", value: "2" }],
    });
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  } finally {
    await admin.close();
  }
  return cluster;
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

const SERVICES = ["product", "loms", "cart", "notifications"] as const;
type ServiceName = (typeof SERVICES)[number];
/** More than one, so that the order of events depends on their key. */
const PARTITIONS = 3;
