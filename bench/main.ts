/** The command `npm run bench`: figures beside what the same machine could do in the same run. */
import { parseArgs } from "node:util";
import { startStack } from "../tools/stack/stack.ts";
import { measureAudit } from "./audit.ts";
import { measureDeadLetters } from "./deadletters.ts";
import { measureDrain } from "./drain.ts";
import { measureLatency } from "./latency.ts";
import type { Measurement } from "./measurement.ts";
import { measureOutage } from "./outage.ts";
import { measureReads } from "./reads.ts";
import { measureRebuild } from "./rebuild.ts";
import { measureSlowDatabase } from "./slow.ts";
import { measureTelemetry } from "./telemetry.ts";

const USAGE = `Usage: npm run bench -- [NAME] [--json] [--orders N] [--letters N] [--minutes M] [--cpu-prof FOLDER]

  drain      orders/s from N waiting in the broker (default 200000) until all are readable
  latency    publish to readable at 1,000/s
  deadletters
             pages of dead letters by every filter, among N of them (default 1000000)
  outage     the database away for --minutes M (default 1) with the broker at full speed: memory, and the drain after
  slow       a database that answers late: rate, append time, redeliveries, timers and memory
  rebuild    waybill rebuild of N orders (--letters N) while the service answers reads
  telemetry  drain and reads with no message traced, one in a hundred, and all (needs wrk)
  audit      of N orders (--letters N), and of 60,000 that came since
  reads      GET /orders/:id beside a bare node:http (needs wrk)

  --cpu-prof FOLDER  writes a processor profile of the service while it drains`;

const say = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const options = {
    json: { type: "boolean", default: false },
    orders: { type: "string", default: "200000" },
    minutes: { type: "string", default: "1" },
    letters: { type: "string", default: "1000000" },
    "cpu-prof": { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${USAGE}\n`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [name] = positionals;
  const [orders, letters] = [Number(values.orders), Number(values.letters)];
  const isEnough = [orders, letters].every((count) => Number.isInteger(count) && count >= 10_000);
  if ((name !== undefined && !NAMES.includes(name)) || !isEnough) {
    process.stderr.write(
      `bench: choose one of ${NAMES.join(", ")}, and at least 10000 orders or letters\n\n${USAGE}\n`,
    );
    return 2;
  }
  const folder = values["cpu-prof"];
  const profiling = folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
  const results: Measurement[] = [];
  for (const one of name === undefined ? NAMES : [name]) {
    await using stack = await startStack("bench", say);
    if (one === "drain") results.push(await measureDrain(stack, orders, say, profiling));
    if (one === "latency") results.push(await measureLatency(stack, 1_000, say));
    if (one === "deadletters") results.push(await measureDeadLetters(stack, letters, say));
    if (one === "outage") results.push(...(await measureOutage(stack, Number(values.minutes), say)));
    if (one === "rebuild") results.push(await measureRebuild(stack, letters, say));
    if (one === "slow") results.push(...(await measureSlowDatabase(stack, say)));
    if (one === "telemetry") results.push(...(await measureTelemetry(stack, say)));
    if (one === "audit") results.push(...(await measureAudit(stack, letters, say)));
    if (one === "reads") results.push(await measureReads(stack, say));
  }
  process.stdout.write(values.json ? `${JSON.stringify(results.map(withRatio))}\n` : tableOf(results));
  return 0;
}

function withRatio(result: Measurement) {
  const { limit, figure } = result;
  return { ...result, limit: limit ?? null, ratio: limit === undefined ? null : figure / limit };
}

function tableOf(results: readonly Measurement[]): string {
  const rows = results.map(withRatio).map(({ name, figure, unit, limit, ratio, goal, met }) => {
    const figures = [figure, limit].map((value) =>
      value === null ? "-" : Math.round(value).toLocaleString("en"),
    );
    return `| ${name} | ${figures[0]} ${unit} | ${figures[1]} | ${ratio?.toFixed(2) ?? "-"} | ${goal} | ${met ? "yes" : "no"} |`;
  });
  return `| what | figure | limit | ratio | goal | met |\n|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

const NAMES = ["drain", "latency", "reads", "deadletters", "outage", "slow", "rebuild", "audit", "telemetry"];

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
