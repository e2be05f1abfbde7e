/** Each fault strikes, lasts a while, and is undone. */
import { setTimeout as delay } from "node:timers/promises";
import { FAILPOINTS } from "../../src/config/failpoint.ts";
import { SESSION_SECONDS } from "../stack/kafka.ts";
import { ACK_WAIT_SECONDS, BROKER, DATABASE, type World } from "./world.ts";

export type Chance = Readonly<{
  between: (low: number, high: number) => number;
  pick: <T>(list: readonly T[]) => T;
}>;

/** Needs a disk that can be filled. */
export const DISK_FULL = "disk of the database full";

export type Fault = (world: World, chance: Chance) => Promise<void>;

export const FAULTS: Readonly<Record<string, Fault>> = {
  "service killed": async (world, chance) => {
    const place = anyPlace(world, chance);
    await endService(world, place, "SIGKILL");
    await world.startService(place);
  },
  "service stopped in order": async (world, chance) => {
    const place = anyPlace(world, chance);
    await endService(world, place, "SIGTERM");
    await world.startService(place);
  },
  "service paused beyond AckWait": async (world, chance) => {
    const { child } = world.services[anyPlace(world, chance)] as World["services"][number];
    const patienceSeconds = world.stack.broker?.kind === "kafka" ? SESSION_SECONDS : ACK_WAIT_SECONDS;
    child.signal("SIGSTOP");
    await delay(patienceSeconds * 1000 + chance.between(500, 2_500));
    child.signal("SIGCONT");
  },
  ...Object.fromEntries(
    FAILPOINTS.map((name): [string, Fault] => [
      `service killed at ${name}`,
      async (world, chance) => {
        const place = anyPlace(world, chance);
        await endService(world, place, "SIGKILL");
        const passes = Math.round(chance.between(1, name === "redrive-before-commit" ? 2 : 25));
        const extra = { WAYBILL_FAILPOINT: `${name}:${passes}` };
        // It may die before it is ready, as intended.
        const armed = await world.startService(place, extra).catch(() => undefined);
        world.isMeantToRun[place] = false;
        if (armed) {
          await Promise.race([armed.child.ended, delay(FAILPOINT_PATIENCE_MS)]);
          await armed.child.end("SIGKILL");
        }
        await world.startService(place);
      },
    ]),
  ),
  "backend of PostgreSQL killed": async ({ stack }, chance) => {
    await stack.postgres.admin(async (client) => {
      const { rows } = await client.query(
        "select pid from pg_stat_activity where usename = 'waybill' order by pid",
      );
      if (rows.length > 0) await client.query("select pg_terminate_backend($1)", [chance.pick(rows).pid]);
    });
  },
  "PostgreSQL killed": async ({ stack }, chance) => {
    await stack.postgres.stop("SIGKILL");
    await delay(chance.between(0, 1_500));
    await startPostgres(stack);
  },
  "PostgreSQL crashed and recovered": async ({ stack }, chance) => {
    await stack.postgres.stop("SIGQUIT");
    await delay(chance.between(0, 3_000));
    await startPostgres(stack);
  },
  [DISK_FULL]: async ({ stack }, chance) => {
    await stack.disk?.fill();
    await delay(chance.between(500, 4_000));
    stack.disk?.release();
    // PostgreSQL stops if it cannot write, and recovers only with space.
    await stack.postgres.waitUntilReady().catch(() => startPostgres(stack));
  },
  "broker killed": async ({ stack }, chance) => {
    await stack.broker?.stop("SIGKILL");
    await delay(chance.between(0, 1_500));
    await stack.broker?.start();
  },
  ...ofConnection("database", DATABASE, 150),
  // So slow that messages are redelivered with acknowledgements in flight.
  ...ofConnection("broker", BROKER, (ACK_WAIT_SECONDS * 1000) / 2),
};

/** @param latency mean milliseconds in each direction. */
function ofConnection(name: string, proxied: string, latency: number): Record<string, Fault> {
  const whileToxic =
    (toxic: Parameters<World["proxy"]["add"]>[1], low: number, high: number): Fault =>
    async ({ proxy }, chance) => {
      await proxy.add(proxied, toxic);
      await delay(chance.between(low, high));
      await proxy.heal();
    };
  return {
    [`connections to the ${name} cut`]: async ({ proxy }, chance) => {
      await proxy.enable(proxied, false);
      await delay(chance.between(100, 2_000));
      await proxy.enable(proxied, true);
    },
    [`connections to the ${name} reset`]: whileToxic(
      { type: "reset_peer", attributes: { timeout: 0 } },
      100,
      800,
    ),
    [`connections to the ${name} slow`]: whileToxic(
      { type: "latency", attributes: { latency, jitter: latency / 2 } },
      2_000,
      6_000,
    ),
    [`connections to the ${name} half open`]: whileToxic(
      { type: "timeout", attributes: { timeout: 0 } },
      1_000,
      5_000,
    ),
  };
}

function anyPlace({ services }: World, chance: Chance): number {
  return chance.pick(services.map((_service, place) => place));
}

async function endService(world: World, place: number, signal: NodeJS.Signals): Promise<void> {
  world.isMeantToRun[place] = false;
  await world.services[place]?.child.end(signal);
}

/** Fails until the killed server's children have ended. */
async function startPostgres({ postgres }: World["stack"]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await postgres.start();
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX) throw error;
      await delay(START_PAUSE_MS);
    }
  }
}

/** Ample for any failpoint that the load reaches. */
const FAILPOINT_PATIENCE_MS = 6_000;
const START_ATTEMPTS_MAX = 40;
const START_PAUSE_MS = 250;
