/**
 * How long an event waits at a steady rate of orders: from the commit of the projection that wrote it until Kafka has
 * acknowledged it. Loms and the relay run in this process, as they do in a service; the callers are a process of their own.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "../src/config/config.ts";
import type { DomainModule } from "../src/contract/domain.ts";
import { Database } from "../src/database/database.ts";
import type { Folded } from "../src/domains/loms/fold.ts";
import { loms } from "../src/domains/loms/index.ts";
import { startService } from "../src/main.ts";
import { OutboxRelay } from "../src/outbox/relay.ts";
import { KafkaTransport } from "../src/outbox/transport-kafka.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { quantile } from "../tools/publisher/verify.ts";
import { startChild } from "../tools/stack/child.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import type { Measurement } from "./measurement.ts";

export async function measureLag(
  stack: Stack,
  brokers: string,
  seconds: number,
  say: (text: string) => void,
): Promise<Measurement> {
  await using started = new AsyncDisposableStack();
  const bench = started.use(await createBenchDatabase(stack));
  const url = bench.environment.DATABASE_URL as string;
  const logger = createLogger("silent");
  const database = new Database(url, { connectionsMax: 1, preparesStatements: true, logger });
  started.defer(() => database.close());

  const committedAt = new Map<bigint, number>();
  let orders = 0;
  let lags: number[] = [];
  const relay = new OutboxRelay({
    database,
    domain: loms.name,
    transport: new KafkaTransport({
      brokers: brokers.split(","),
      clientId: "bench-lag",
      transactionalId: "bench-lag",
      newTopicPartitions: PARTITIONS,
      tls: undefined,
      sasl: undefined,
    }),
    logger,
    onSent: (events) => {
      const now = performance.now();
      // The relay can be faster than the report of the commit.
      for (const { position } of events) lags.push(now - (committedAt.get(position) ?? now));
    },
  });
  const watched: DomainModule<object, Folded> = {
    ...loms,
    open: async (context) => {
      const service = await (await import("../src/domains/loms/open.ts")).openLoms(context);
      return {
        ...service,
        onProjected: (added) => {
          const now = performance.now();
          for (const { decided, changes } of added) {
            if (decided.type === "order.create") orders += 1;
            if (changes.length > 0) committedAt.set(decided.position, now);
          }
          relay.wake();
          service.onProjected?.(added);
        },
      };
    },
  };
  const environment = {
    DATABASE_URL: url,
    DOMAINS: loms.name,
    SOURCES: "http",
    HTTP_PORT: "0",
    GRPC_PORT: "0",
  };
  const service = started.use(await startService(loadConfig([watched], environment), logger, [watched]));
  relay.start();
  started.defer(() => relay.stop());

  /** @returns the report of the callers. */
  const call = async (length: number): Promise<string> => {
    let report = "";
    const args = [CALLERS, service.grpcPort, RATE, length].map(String);
    const child = startChild(process.execPath, args, {
      logFile: join(stack.folder, "order-callers.log"),
      onLine: (line) => {
        report = line;
      },
    });
    const status = await child.ended;
    if (status !== 0) throw new Error(`the callers ended with status ${status}: ${report}`);
    // The last output can arrive after the exit.
    while (report === "") await delay(5);
    return report;
  };
  const http = `http://127.0.0.1:${service.port}`;
  // The first stocks come first: they would replace this one.
  while (!(await fetch(`${http}/readyz`)).ok) await delay(20);
  const stocked = await fetch(`${http}/loms/commands`, { method: "POST", body: STOCK });
  if (!stocked.ok) throw new Error(`the stock was refused: ${await stocked.text()}`);
  say("lag: warming up");
  await call(WARM_UP_SECONDS);
  while (await hasEvents(database)) await delay(20);
  [lags, orders] = [[], 0];
  const report = await call(seconds);
  while (await hasEvents(database)) await delay(20);
  lags.sort((one, other) => one - other);
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(lags, share) as number);
  const note = `p50 ${p50?.toFixed(1)}, p99 ${p99?.toFixed(1)}, max ${max?.toFixed(1)} ms; ${lags.length} events of ${orders} orders; ${report}; one broker`;
  say(`lag: ${note}`);
  return {
    name: `event, from commit to Kafka's acknowledgement, at ${RATE.toLocaleString("en")} orders/s`,
    unit: "ms p99",
    figures: [p99 as number],
    note,
  };
}

async function hasEvents(database: Database): Promise<boolean> {
  const { rows } = await database.query("select from outbox limit 1");
  return rows.length > 0;
}

const CALLERS = new URL("order-callers.ts", import.meta.url).pathname;
/** Orders a second. */
const RATE = 1_000;
const PARTITIONS = 3;
const WARM_UP_SECONDS = 5;
/** More pieces than all orders of a run ask for. */
const STOCK = JSON.stringify({
  id: "bench",
  type: "stock.put",
  sku: 1005,
  total: 1_000_000_000,
  reserved: 0,
});
