/** A stack that tests kill under load, with a judge that knows the published messages. */
import * as assert from "uvu/assert";
import { Database } from "../../src/database/database.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { tell } from "../../tools/stack/notices.ts";
import { type ServiceProcess, startServiceProcess } from "../../tools/stack/service.ts";
import { startStack } from "../../tools/stack/stack.ts";
import { Judge } from "../../tools/torture/judge.ts";
import { until } from "./wait.ts";

export async function startCrashStack(name: string) {
  const stack = await startStack(name, tell);
  const { broker } = stack;
  if (!broker) throw new Error("the crash tests need a NATS Streaming server");
  const database = new Database(stack.environment.DATABASE_URL as string, {
    connectionsMax: 2,
    logger: createLogger("silent"),
  });
  const judge = new Judge(ordersKit, tell);
  const running: ServiceProcess[] = [];

  const start = async (): Promise<ServiceProcess> => {
    const service = await startServiceProcess(stack.environment, stack.folder);
    running.push(service);
    return service;
  };

  /** Publishes during the work; afterwards every acknowledged message has its outcome and is served as published. */
  const underLoad = async (
    first: ServiceProcess,
    work: (service: ServiceProcess) => Promise<ServiceProcess>,
  ): Promise<void> => {
    let service = first;
    const calm = new AbortController();
    const before = judge.acknowledged;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const load = judge.publish(broker, seed, RATE, MIX, calm.signal);
    try {
      await until("orders flow", () => judge.acknowledged > before + 200);
      service = await work(service);
    } finally {
      calm.abort();
      await load;
    }
    assert.equal(await judge.verdict(database, [service.url]), []);
    await service.child.end("SIGTERM");
  };

  return {
    stack,
    broker,
    judge,
    start,
    underLoad,
    /** Kills and restarts the service at random moments. @returns the last one. */
    killService: async (first: ServiceProcess, times: number): Promise<ServiceProcess> => {
      let service = first;
      for (let kills = 0; kills < times; kills++) {
        await pause(100 + Math.random() * 900);
        await service.child.end("SIGKILL");
        service = await start();
        tell(`killed ${kills + 1} of ${times} times`);
      }
      return service;
    },
    /** A service left by a failed test would hold the client id of the next one. */
    killAll: async (): Promise<void> => {
      await Promise.all(running.splice(0).map(({ child }) => child.end("SIGKILL")));
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await database.close();
      await stack[Symbol.asyncDispose]();
    },
  };
}

/** Spreads the kills of crash tests over time. */
export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const MIX = { garbage: 0.05, duplicates: 0.05, conflicts: 0.02 };
const RATE = 800;
