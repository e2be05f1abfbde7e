/**
 * `npm run fuzz`: hostile messages with valid ones in between. Each gets one outcome, valid ones are not delayed,
 * and memory does not grow.
 */
import { setTimeout as delay } from "node:timers/promises";
import { command, exits, integer, Option, run } from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";
import type { DomainKit } from "../domains/kit.ts";
import { domainOption } from "../domains/option.ts";
import { randomSeed, SEED_MAX } from "../domains/random.ts";
import { connectTo } from "../publisher/connect.ts";
import { InFlight } from "../publisher/in-flight.ts";
import { quantile, Verifier } from "../publisher/verify.ts";
import { BROKER_KINDS, type BrokerKind, HOW_TO_GET } from "../stack/broker.ts";
import { mebibytes, residentBytes } from "../stack/memory.ts";
import { startNotices } from "../stack/notices.ts";
import { startServiceProcess } from "../stack/service.ts";
import { startStack } from "../stack/stack.ts";
import { makeHostile } from "./hostile.ts";

const say = (text: string) => process.stderr.write(`fuzz: ${text}\n`);

const program = command(
  "fuzz",
  "Sends hostile messages through the whole flow, with one valid message per hundred.",
)
  .addOption(domainOption())
  .option("--count <number>", "number of hostile messages", integer(1, Number.MAX_SAFE_INTEGER), 100_000)
  .option(
    "--seed <number>",
    "generate the same messages as an earlier run (default: random, printed)",
    integer(0, SEED_MAX),
  )
  .addOption(
    new Option("--source <kind>", "broker to publish through")
      .choices(BROKER_KINDS)
      .default("nats-streaming"),
  )
  .addHelpText(
    "after",
    () => `
Memory growth is checked with ${COUNT_FOR_MEMORY} messages or more.
Exit status: 0 all checks passed; 1 a check failed; 2 bad usage.`,
  )
  .action(
    exits(async ({ domain: kit, count, seed = randomSeed(), source }) => {
      const findings = await fuzz(kit, count, seed, source);
      process.stdout.write(
        findings.length === 0 ? "All checks passed.\n" : `FAILED: ${findings.join("; ")}\n`,
      );
      return findings.length === 0 ? 0 : 1;
    }),
  );

async function fuzz(kit: DomainKit, count: number, seed: number, source: BrokerKind): Promise<string[]> {
  say(`seed ${seed}`);
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack("fuzz", say, { source, kits: [kit] }));
  if (!stack.broker) throw new Error(HOW_TO_GET[source]);
  // The cache may grow; other memory must not.
  const environment = { ...stack.environment, CACHE_BYTES_MAX: String(16 * 1024 * 1024) };
  const service = await startServiceProcess(environment, stack.folder);
  started.defer(() => service.child.end("SIGTERM"));
  let hasEnded = false;
  void service.child.ended.then(() => {
    hasEnded = true;
  });
  const transport = started.use(await connectTo(kit, stack.broker.kind, stack.environment));
  const factory = kit.createFactory(seed);
  const verifier = new Verifier(service.url, kit.readBack, PATIENCE_SECONDS);
  const waits: Promise<number | undefined>[] = [];
  const inFlight = new InFlight(IN_FLIGHT_MAX);
  let published = 0;
  // Resident bytes of both halves.
  const peaks: [number, number] = [0, 0];
  const publish = async (payload: Buffer) => {
    const publishing = transport.publish(payload).then(() => {
      published += 1;
    });
    // At the service's own rate: contents are tested, not numbers.
    await inFlight.add(publishing);
  };
  using progress = new Progress();
  for (let sent = 0; sent < count && !hasEnded; sent++) {
    await publish(makeHostile(kit, factory));
    if (sent % NEIGHBOUR_EVERY === 0) {
      const { payload, key } = factory.valid();
      await publish(payload);
      if (key !== undefined) waits.push(verifier.timeUntilReadable(key, payload, performance.now()));
      const half = sent < count / 2 ? 0 : 1;
      peaks[half] = Math.max(peaks[half], residentBytes(service.child.pid));
      while (published - (await processed(service.url)) > BEHIND_MAX && !hasEnded) await delay(5);
    }
    if (sent % PROGRESS_EVERY === 0) {
      const note = `${mebibytes(residentBytes(service.child.pid))} MiB resident`;
      progress.show("publishing", { done: sent, total: count, note });
    }
  }
  progress.end();
  await inFlight.settled();
  const delays = (await Promise.all(waits))
    .map((wait) => wait ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  verifier.close();
  if (hasEnded) return ["the service exited"];
  await untilProcessed(service.url, published);
  const { holds, domains } = (await (await fetch(`${service.url}/audit`)).json()) as Audit;
  const { received, projected, duplicate, dead, pending } = domains[kit.domain.name] as Sum;
  const grown = mebibytes(peaks[1] - peaks[0]);
  const isJudged = count >= COUNT_FOR_MEMORY;
  const median = quantile(delays, 0.5) ?? 0;
  const longest = delays.at(-1) ?? 0;
  const delayMax = DELAY_MS_MAX + MEDIAN_FACTOR * median;
  process.stdout.write(
    `seed ${seed}: ${published} published, received ${received} = projected ${projected} + duplicate ${duplicate} + dead ${dead} + pending ${pending}\n` +
      `valid ones among them: readable after p50 ${Math.round(median)} ms, p99 ${Math.round(quantile(delays, 0.99) ?? 0)} ms, at most ${Math.round(longest)} ms; memory ${grown} MiB more in the second half than in the first${isJudged ? "" : " (too few messages to judge that)"}\n`,
  );
  const findings: string[] = [];
  if (!holds) findings.push("the audit does not hold");
  if (received !== published || pending !== 0) findings.push("not every message has an outcome");
  if (projected < waits.length) findings.push("valid messages are missing");
  // Even if none is readable, so that the median is infinite too.
  if (longest === Number.POSITIVE_INFINITY)
    findings.push(`a valid message was not readable after ${PATIENCE_SECONDS} s`);
  else if (longest > delayMax)
    findings.push(`a valid message was delayed by more than ${Math.round(delayMax)} ms`);
  if (isJudged && grown > GROWTH_MEBIBYTES_MAX)
    findings.push(`memory grew by more than ${GROWTH_MEBIBYTES_MAX} MiB`);
  return findings;
}

type Sum = Record<"received" | "projected" | "duplicate" | "dead" | "pending", number>;
type Audit = { holds: boolean; domains: Record<string, Sum> };

async function untilProcessed(url: string, published: number): Promise<void> {
  let count = await processed(url);
  let last = -1;
  using _notices = startNotices(() => {
    const hasMoved = count > last;
    last = count;
    return hasMoved ? `${count} of ${published} messages have outcomes` : undefined;
  }, say);
  while (count < published) {
    await delay(100);
    count = await processed(url);
  }
}

/** An audit would read the whole inbox. */
async function processed(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^waybill_outcomes_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const IN_FLIGHT_MAX = 200;

/** Reading memory is a system call. */
const PROGRESS_EVERY = 500;
const NEIGHBOUR_EVERY = 100;
const BEHIND_MAX = 2_000;

/** A few batches of the worst messages. */
const DELAY_MS_MAX = 5_000;
/**
 * Each waits for those ahead of it, which takes longer on a slow machine; one message that stalls the others hardly moves
 * the median.
 */
const MEDIAN_FACTOR = 3;
const PATIENCE_SECONDS = 240;
const GROWTH_MEBIBYTES_MAX = 64;

/** With fewer, start-up and garbage collection dominate. */
const COUNT_FOR_MEMORY = 20_000;

await run(program);
