/** Append, projection and rebuild separately. */
import type { Message } from "../src/contract/message.ts";
import { Database } from "../src/database/database.ts";
import { Jobs } from "../src/database/jobs.ts";
import { orders } from "../src/domains/orders/index.ts";
import { append } from "../src/inbox/append.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { Wakeups } from "../src/projector/wakeups.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { runGuarded } from "../tools/stack/guard.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { BATCH, secondsToCopy } from "./limits.ts";
import type { Measurement } from "./measurement.ts";

export async function measureStages(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const factory = new OrderFactory(1);
  const payloads = Array.from({ length: count }, () => toPayload(factory.next()));
  const appended: number[] = [];
  const limits: number[] = [];
  const projected: number[] = [];
  const rebuilt: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await using grown = await createBenchDatabase(stack);
    const database = new Database(grown.environment.DATABASE_URL as string, {
      connectionsMax: 2,
      // As the service does.
      preparesStatements: true,
      logger: createLogger("silent"),
    });
    const jobs = new Jobs(database, createLogger("silent"));
    await jobs.start();
    const wakeups = new Wakeups(jobs);
    try {
      appended.push(count / (await secondsOf(() => appendAll(database, wakeups, payloads))));
      limits.push(count / (await secondsToCopy(grown.adminUrl, payloads, "inbox")));
      projected.push(count / (await secondsOf(() => projectAll(database))));
      rebuilt.push(count / (await secondsOf(() => rebuild(grown.environment))));
    } finally {
      await jobs.stop();
      await database.close();
    }
    const shown = [appended, limits, projected, rebuilt].map((rates) => `${Math.round(rates.at(-1) ?? 0)}/s`);
    say(
      `stages: round ${round} of ${ROUNDS}: append ${shown[0]} (COPY ${shown[1]}), projection ${shown[2]}, rebuild ${shown[3]}`,
    );
  }
  return [
    {
      name: "append alone, with its job",
      unit: "messages/s",
      figures: appended,
      limits,
      limitName: "by COPY",
    },
    { name: "projection alone, read back from the inbox", unit: "orders/s", figures: projected },
    {
      name: "rebuild, comparison and audit included",
      unit: "orders/s",
      figures: rebuilt,
      limits: projected,
      limitName: "projected",
    },
  ];
}

async function appendAll(database: Database, wakeups: Wakeups, payloads: readonly Buffer[]): Promise<void> {
  for (let start = 0; start < payloads.length; start += BATCH) {
    const messages = payloads.slice(start, start + BATCH).map(
      (payload, index): Message => ({
        source: "nats-streaming",
        channel: "orders",
        messageId: `${start + index + 1}-1700000000000000000`,
        payload,
        publishedAtMs: Date.now(),
      }),
    );
    await append(database, "orders", messages, (...wakeup) => wakeups.enqueue(...wakeup));
  }
}

async function projectAll(database: Database): Promise<void> {
  const domain = projectingOf(orders, { isLive: true });
  while ((await projectNext(database, domain, new Handover())).rows.length > 0);
}

async function rebuild(environment: Readonly<Record<string, string>>): Promise<void> {
  const { status, stderr } = await runGuarded(
    process.execPath,
    ["src/cli/main.ts", "rebuild", "orders", "--json"],
    {
      env: { PATH: process.env.PATH, ...environment },
    },
  );
  if (status !== 0) throw new Error(`the rebuild exited with status ${status}: ${stderr}`);
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

const ROUNDS = 3;
