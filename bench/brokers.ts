/** The same service drains the same orders from each broker. */
import { join } from "node:path";
import { BROKER_KINDS, type BrokerKind, HOW_TO_GET } from "../tools/stack/broker.ts";
import { startBroker } from "../tools/stack/brokers.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { drain, publishLoad } from "./drain.ts";
import type { Measurement } from "./measurement.ts";

export async function measureBrokers(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await using started = new AsyncDisposableStack();
  const stacks: (Stack & { kind: BrokerKind })[] = [];
  for (const kind of BROKER_KINDS) {
    let { broker } = stack;
    if (kind !== broker?.kind) {
      broker = await startBroker(kind, join(stack.folder, kind), say);
      if (broker) started.defer(() => broker?.stop());
    }
    if (broker) stacks.push({ ...stack, kind, broker });
    else say(HOW_TO_GET[kind]);
  }
  const rates = new Map<BrokerKind, number[]>(stacks.map(({ kind }) => [kind, []]));
  const notes = new Map<BrokerKind, string>();
  for (let round = 1; round <= ROUNDS; round++) {
    for (const current of stacks) {
      await using database = await createBenchDatabase(current);
      const environment = {
        ...database.environment,
        ...current.broker?.environment(),
        SOURCES: current.kind,
      };
      await publishLoad({ ...current, environment }, count);
      const { rate, cpu } = await drain(current, environment, count);
      rates.get(current.kind)?.push(rate);
      notes.set(current.kind, cpu);
      say(`brokers: round ${round} of ${ROUNDS}: ${current.kind} ${Math.round(rate)}/s; ${cpu}`);
    }
  }
  const first = rates.get("nats-streaming") ?? [];
  return stacks.map(({ kind }) => ({
    name: `drain of ${count.toLocaleString("en")} orders from ${kind}`,
    unit: "orders/s",
    figures: rates.get(kind) ?? [],
    ...(kind === "nats-streaming" ? {} : { limits: first, limitName: "from nats-streaming" }),
    note: `processor seconds: ${notes.get(kind)}`,
  }));
}

const ROUNDS = 3;
