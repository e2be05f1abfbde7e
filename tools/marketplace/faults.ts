/**
 * The faults of the torture: each strikes one process, lasts a while, and starts or continues what it ended or halted. No
 * two Kafka brokers are down at a time, as `min.insync.replicas` demands.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import type { FailpointName } from "../../src/config/failpoint.ts";
import { pollAfter } from "../stack/child.ts";
import type { Kafka } from "../stack/kafka.ts";
import { startNotices } from "../stack/notices.ts";
import { codeOf, connectTo, type Patience, STUBBORN, untilAnswered } from "./clients.ts";
import { metricsOf, sumOf } from "./notifications.ts";
import { countInSync, setMinInSync } from "./replicas.ts";
import type { Service } from "./service.ts";
import { readStocks } from "./verify.ts";
import type { World } from "./world.ts";

export type Chance = Readonly<{
  between: (low: number, high: number) => number;
  pick: <T>(list: readonly T[]) => T;
  /** Aborts the waiting of a fault, which then restores what it broke. */
  signal: AbortSignal;
}>;

export type Fault = (world: World, chance: Chance) => Promise<void>;

/** Places that each process passes that appends and projects. */
const STEPS: readonly FailpointName[] = [
  "append-before-commit",
  "commit-before-ack",
  "projection-before-commit",
  "projection-before-cache",
];

export const FAULTS: Readonly<Record<string, Fault>> = {
  ...ofService("loms"),
  ...ofService("cart"),
  ...ofService("product"),
  ...ofService("notifications"),
  ...diesAt("loms", [...STEPS, "relay-before-checkpoint"]),
  ...diesAt("cart", STEPS),
  "relay paused beyond its turn and its transaction": async (world, chance) => {
    const [paused, other] = await findRelay(world, chance);
    const sent = await sentBy(other);
    const begun = performance.now();
    paused.signal("SIGSTOP");
    try {
      await until(chance, "the other relay takes over", async () => (await sentBy(other)) > sent);
      await pause(chance, PAUSE_MS - (performance.now() - begun));
    } finally {
      paused.signal("SIGCONT");
    }
  },
  "Kafka broker killed": async ({ kafka }, chance) => {
    const broker = chance.pick<Kafka>(kafka.brokers);
    await broker.stop("SIGKILL");
    await pause(chance, chance.between(0, 2_000));
    await broker.start();
    await broker.waitForBrokers(kafka.brokers.length);
  },
  "Kafka broker paused": async ({ kafka }, chance) => {
    const broker = chance.pick<Kafka>(kafka.brokers);
    broker.pause();
    await pause(chance, chance.between(500, 4_000));
    broker.resume();
    await broker.waitForBrokers(kafka.brokers.length);
  },
  "Kafka short of replicas at times": async ({ kafka }, chance) => {
    // Not the first one: without the controller its loss is not noticed.
    const [, ...others] = kafka.brokers;
    const broker = chance.pick<Kafka>(others);
    const count = kafka.brokers.length;
    broker.pause();
    try {
      await until(chance, "a replica is out of sync", async () => (await countInSync(kafka)) < count);
      for (let refusal = 0; refusal < REFUSALS && !chance.signal.aborted; refusal++) {
        // A refused request is stored nowhere. If it is repeated after a later one is stored, the order of a key is lost.
        await setMinInSync(kafka, count);
        await pause(chance, chance.between(300, 900));
        await setMinInSync(kafka, count - 1);
        await pause(chance, chance.between(300, 900));
      }
    } finally {
      broker.resume();
      await setMinInSync(kafka, count - 1);
    }
    await until(chance, "all replicas are in sync", async () => (await countInSync(kafka)) === count);
  },
  "Redis server killed": async (world, chance) => {
    const server = chance.pick(world.redis);
    await withFullCart(world, async (listAgain) => {
      await server.stop("SIGKILL");
      await listAgain();
      await pause(chance, chance.between(0, 2_000));
      await server.start();
    });
  },
  "Redis server paused": async (world, chance) => {
    const server = chance.pick(world.redis);
    await withFullCart(world, async (listAgain) => {
      server.signal("SIGSTOP");
      try {
        await listAgain();
        await pause(chance, chance.between(500, 2_000));
      } finally {
        server.signal("SIGCONT");
      }
    });
  },
  "product killed, and both Redis servers": async ({ product, redis }, chance) => {
    // While names and prices are cached, carts do not ask product.
    await Promise.all(redis.map((server) => server.stop("SIGKILL")));
    await product.end("SIGKILL");
    await pause(chance, chance.between(500, 2_000));
    await product.start();
    await Promise.all(redis.map((server) => server.start()));
  },
  "PgBouncer killed": async ({ pooler }, chance) => {
    await pooler.stop("SIGKILL");
    await pause(chance, chance.between(0, 1_000));
    await pooler.start();
  },
  "PostgreSQL stopped at once": async ({ postgres }, chance) => {
    // Its immediate shutdown: no transaction ends, and the next start recovers from the log.
    await postgres.stop("SIGQUIT");
    await pause(chance, chance.between(0, 1_500));
    await postgres.start();
  },
};

/** What strikes the processes of one domain. */
function ofService(domain: string): Record<string, Fault> {
  return {
    [`${domain} killed`]: async (world, chance) => {
      const victim = anyOf(world, domain, chance);
      await victim.end("SIGKILL");
      await pause(chance, chance.between(0, 500));
      await victim.start();
    },
    [`${domain} paused`]: async (world, chance) => {
      const victim = anyOf(world, domain, chance);
      victim.signal("SIGSTOP");
      await pause(chance, chance.between(500, 3_000));
      victim.signal("SIGCONT");
    },
  };
}

/** What kills a process of a domain at a place in the code, which it passes a few times before. */
function diesAt(domain: string, places: readonly FailpointName[]): Record<string, Fault> {
  return Object.fromEntries(
    places.map((place): [string, Fault] => [
      `${domain} killed at ${place}`,
      async (world, chance) => {
        const victim = anyOf(world, domain, chance);
        await victim.end("SIGKILL");
        const extra = { WAYBILL_FAILPOINT: `${place}:${Math.round(chance.between(1, 20))}` };
        // The process may die before it is ready.
        const isReady = await victim.start(extra).then(
          () => true,
          () => false,
        );
        if (isReady) await Promise.race([victim.ended(), pause(chance, FAILPOINT_PATIENCE_MS)]);
        await victim.end("SIGKILL");
        await victim.start();
      },
    ]),
  );
}

/**
 * Fills the cart of a new user. The load cannot see whether carts answer without a cache server, because it repeats calls.
 * @param work is given a function that lists the cart at each process of cart.
 */
async function withFullCart(world: World, work: (listAgain: () => Promise<void>) => Promise<void>) {
  const clients = connectTo(world);
  const user = BigInt(Date.now());
  const stocks = await readStocks(clients);
  for (const [sku, count] of stocks) {
    if (count < IN_STOCK) continue;
    const add = { user, sku, count: 1 };
    await untilAnswered(clients.carts, (cart, options) => cart.itemAdd(add, options), STUBBORN);
  }
  await work(async () => {
    for (const [index, cart] of clients.carts.entries()) {
      const list = untilAnswered([cart], (one, options) => one.list({ user }, options), WITHOUT_CACHE);
      const code = await codeOf(list);
      if (code !== undefined)
        throw new Error(`cart ${index + 1} answers ${Code[code]} without a Redis server`);
    }
  });
}

function anyOf({ services }: World, domain: string, chance: Chance): Service {
  return chance.pick(services.filter((service) => service.domain === domain));
}

/** @returns the process of loms that relays at the moment, and the other one. */
async function findRelay({ services }: World, chance: Chance): Promise<readonly [Service, Service]> {
  const [one, other] = services.filter(({ domain }) => domain === "loms") as [Service, Service];
  const before = [await sentBy(one), await sentBy(other)];
  let found: readonly [Service, Service] | undefined;
  await until(chance, "a relay sends", async () => {
    if ((await sentBy(one)) > (before[0] as number)) found = [one, other];
    else if ((await sentBy(other)) > (before[1] as number)) found = [other, one];
    return found !== undefined;
  });
  return found ?? [one, other];
}

async function sentBy({ url }: Service): Promise<number> {
  return sumOf(await metricsOf(url), "waybill_outbox_sent_total");
}

/** Ends early if the torture is stopped. */
async function pause({ signal }: Chance, milliseconds: number): Promise<void> {
  await delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => {});
}

/** Ends early if the torture is stopped. @throws if the condition does not become true. */
async function until(chance: Chance, label: string, isTrue: () => Promise<boolean>): Promise<void> {
  using _notices = startNotices(() => `waiting until ${label}`);
  const begun = performance.now();
  while (!chance.signal.aborted && !(await isTrue())) {
    if (performance.now() - begun > PATIENCE_MS)
      throw new Error(`not within ${PATIENCE_MS / 1000} s: ${label}`);
    await pause(chance, pollAfter(begun));
  }
}

/** Only some fall between two requests that have events of the same key. */
const REFUSALS = 8;
/** A busy machine causes these, too, but not each time. */
const OVERLOADED: readonly Code[] = [Code.DeadlineExceeded, Code.ResourceExhausted, Code.Unavailable];
const WITHOUT_CACHE: Patience = {
  timeoutMs: 4_000,
  seconds: 60,
  isUnknown: (code) => OVERLOADED.includes(code),
};
/** Of these pieces the load does not take the last one meanwhile. */
const IN_STOCK = 1_000n;
/** Longer than the relay's turn and than the transaction timeout of its producer, both 10 s. */
const PAUSE_MS = 10_500;
/** With the load of a torture a process passes each place several times a second, if it projects or relays at all. */
const FAILPOINT_PATIENCE_MS = 10_000;
/**
 * A process that is halted within a transaction of PostgreSQL keeps its rows locked for 30 s; the other one projects, and
 * so sends, after that.
 */
const PATIENCE_MS = 90_000;
