/**
 * From the first outcome to the last, for messages waiting in the broker. The limit is a binary COPY of the same
 * bytes, in the same round.
 */
import { setTimeout as delay } from "node:timers/promises";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import { InFlight } from "../tools/publisher/in-flight.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { ServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { cpuSecondsOf } from "./cpu.ts";
import { createBenchDatabase } from "./database.ts";
import { drainPlainly } from "./drain-plain.ts";
import { makeSmallGarbage } from "./fill.ts";
import { secondsToCopy } from "./limits.ts";
import type { Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

/** `seconds` is the service's processor time; `cpu` is a text that also shows that of the servers. */
type Drained = Readonly<{ rate: number; seconds: number; cpu: string }>;

export async function measureDrain(
  stack: Stack,
  count: number,
  say: (text: string) => void,
  nodeOptions: readonly string[],
): Promise<Measurement[]> {
  const clean: Drained[] = [];
  const garbage: Drained[] = [];
  const limits: number[] = [];
  const plain: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await using database = await createBenchDatabase(stack);
    const payloads = await publishLoad(stack, count);
    clean.push(await drain(stack, database.environment, count, { nodeOptions }));
    await using withGarbage = await createBenchDatabase(stack);
    await publishLoad(stack, count, 0.1);
    garbage.push(await drain(stack, withGarbage.environment, count));
    await using bare = await createBenchDatabase(stack);
    limits.push(count / (await secondsToCopy(bare.adminUrl, payloads, "inbox and orders")));
    if (stack.broker?.kind === "nats-streaming")
      plain.push(await drainPlainly(stack, payloads.slice(0, Math.ceil(count / PLAIN_SHARE))));
    say(
      `drain: round ${round} of ${ROUNDS}: ${Math.round(clean.at(-1)?.rate ?? 0)}/s, with garbage ` +
        `${Math.round(garbage.at(-1)?.rate ?? 0)}/s, limit ${Math.round(limits.at(-1) ?? 0)}/s, plainly ` +
        `${Math.round(plain.at(-1) ?? 0)}/s; ${clean.at(-1)?.cpu}`,
    );
  }
  const rates = clean.map(({ rate }) => rate);
  return [
    {
      name: `drain of ${count.toLocaleString("en")} orders`,
      unit: "orders/s",
      figures: rates,
      limits,
      limitName: "by COPY",
      goal: { of: "ratio", atLeast: 0.8 },
      note: `processor seconds: ${clean[Math.floor(ROUNDS / 2)]?.cpu}`,
    },
    {
      name: "drain with a tenth of it garbage",
      unit: "messages/s",
      figures: garbage.map(({ rate }) => rate),
      limits: rates,
      limitName: "without",
      goal: { of: "ratio", atLeast: 0.9 },
    },
    ...besidePlain(rates, plain),
    {
      name: "processor time of the service for the drain",
      unit: "s",
      figures: clean.map(({ seconds }) => seconds),
    },
  ];
}

/** The plain way reads from NATS Streaming only. */
function besidePlain(rates: readonly number[], plain: readonly number[]): Measurement[] {
  if (plain.length === 0) return [];
  const name = "drain, beside a transaction for each message";
  const goal = { of: "ratio", atLeast: 12 } as const;
  return [{ name, unit: "orders/s", figures: rates, limits: plain, limitName: "plainly", goal }];
}

/** @returns the payloads. */
export async function publishLoad(stack: Stack, count: number, garbageShare = 0): Promise<Buffer[]> {
  if (!stack.broker) throw new Error("this measurement needs a NATS Streaming server");
  const factory = new OrderFactory(1);
  const garbage = garbageShare > 0 ? makeSmallGarbage(factory, GARBAGE_POOL) : [];
  const payloads = Array.from({ length: count }, () =>
    factory.random() < garbageShare ? factory.pick(garbage) : toPayload(factory.next()),
  );
  await using transport = await connectTo(ordersKit, stack.broker.kind, stack.environment);
  const inFlight = new InFlight(4_000);
  for (const payload of payloads) {
    await inFlight.add(transport.publish(payload));
  }
  await inFlight.settled();
  return payloads;
}

export async function drain(
  stack: Stack,
  environment: Readonly<Record<string, string>>,
  count: number,
  {
    nodeOptions = [],
    meanwhile = async () => {},
  }: { nodeOptions?: readonly string[]; meanwhile?: (url: string) => Promise<void> } = {},
): Promise<Drained> {
  const servers = [stack.postgres.pid, stack.broker?.pid ?? 0];
  return withClient(environment.DATABASE_URL as string, async (client) => {
    const settled = async () => {
      const { rows } = await client.query(
        "select coalesce(sum(projected + duplicate + dead), 0)::int8 as n from checkpoints",
      );
      return Number(rows[0].n);
    };
    const initial = await settled();
    const cpuBefore = cpuSecondsOf(servers);
    const work = async ({ child, url }: ServiceProcess) => {
      // Without the start of the process.
      while ((await settled()) === initial) await delay(5);
      const first = await settled();
      const started = performance.now();
      while ((await settled()) < initial + count) {
        await meanwhile(url);
        await delay(20);
      }
      const seconds = (performance.now() - started) / 1000;
      const [postgres, broker] = cpuSecondsOf(servers).map(
        (now, index) => (now ?? 0) - (cpuBefore[index] ?? 0),
      );
      const [node = Number.NaN] = cpuSecondsOf([child.pid]);
      const cpu = `service ${node.toFixed(1)}, PostgreSQL ${postgres?.toFixed(1)}, broker ${broker?.toFixed(1)}`;
      return { rate: (initial + count - first) / seconds, seconds: node, cpu };
    };
    return await withService(environment, stack.folder, work, nodeOptions);
  });
}

const ROUNDS = 3;
const GARBAGE_POOL = 2_000;

/** The plain way is far slower, so a part of the orders suffices. */
const PLAIN_SHARE = 40;
