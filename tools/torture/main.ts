/**
 * `npm run torture`: faults in storms under load; after each storm a judge checks that nothing was lost, doubled or
 * changed. A seed determines the faults.
 */
import { cp, mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { command, decimal, exits, integer, Option, run } from "../../src/cli/command.ts";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { Database } from "../../src/database/database.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { DomainKit } from "../domains/kit.ts";
import { domainOption } from "../domains/option.ts";
import { randomSeed, SEED_MAX, SeededRandom } from "../domains/random.ts";
import { BROKER_KINDS, type Broker, type BrokerKind } from "../stack/broker.ts";
import { startNotices } from "../stack/notices.ts";
import { isReady } from "../stack/service.ts";
import { watchForStop } from "../stack/stopping.ts";
import { type Chance, DISK_FULL, FAULTS } from "./faults.ts";
import { Judge } from "./judge.ts";
import { createWorld, type World } from "./world.ts";

const say = (text: string) => process.stderr.write(`torture: ${text}\n`);

const program = command(
  "torture",
  "Injects random faults under load, and checks that nothing was lost, doubled or changed.",
)
  .addOption(domainOption())
  .option("--kills <number>", "number of faults", integer(1, 1_000_000), 30)
  .option("--minutes <number>", "run for this long instead", decimal(0.1, 10_000))
  .option(
    "--seed <number>",
    "inject the same faults in the same order as an earlier run (default: random, printed)",
    integer(0, SEED_MAX),
  )
  .option("--services <number>", "service processes on one queue group", integer(1, 5), 2)
  .option("--rate <number>", "messages per second", integer(1, 100_000), 1_500)
  .addOption(
    new Option("--source <kind>", "broker to publish through")
      .choices(BROKER_KINDS)
      .default("nats-streaming"),
  )
  .option("--only <name>", "only faults whose name contains this")
  .addHelpText(
    "after",
    `
Faults:
${Object.keys(FAULTS)
  .map((name) => `  ${name}`)
  .join("\n")}

Exit status: 0 nothing was lost; 1 something was, or the run did not complete; 2 bad usage.`,
  )
  .action(
    exits(async ({ domain: kit, kills, minutes, seed = randomSeed(), only = "", ...load }) => {
      const names = Object.keys(FAULTS).filter((name) => name.includes(only));
      if (names.length === 0) throw new InvalidInputError("only", `no fault has "${only}" in its name`);
      const plan = {
        ...load,
        kit,
        seed,
        names,
        kills: minutes === undefined ? kills : Number.POSITIVE_INFINITY,
        endsAt: performance.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000,
      };
      return await torture(plan, watchForStop());
    }),
  );

type Plan = Readonly<{
  kit: DomainKit;
  kills: number;
  endsAt: number;
  seed: number;
  services: number;
  rate: number;
  source: BrokerKind;
  names: readonly string[];
}>;

async function torture(plan: Plan, signal: AbortSignal): Promise<number> {
  say(`seed ${plan.seed}`);
  const random = new SeededRandom(plan.seed);
  const chance: Chance = {
    between: (low, high) => low + random.random() * (high - low),
    pick: (list) => random.pick(list),
  };
  await using world = await createWorld(plan, say);
  const database = new Database(world.stack.environment.DATABASE_URL as string, {
    connectionsMax: 2,
    logger: createLogger("silent"),
    // A slow machine is not an error.
    hasTimeouts: false,
  });
  const names = plan.names.filter((name) => name !== DISK_FULL || world.stack.disk);
  if (names.length === 0) throw new Error("only root can mount a file system on this machine");
  const judge = new Judge(plan.kit, say);
  const schedule: string[] = [];
  const counts = new Map<string, number>();
  let findings: string[] = [];
  try {
    for (
      let storm = 1;
      schedule.length < plan.kills && performance.now() < plan.endsAt && !signal.aborted;
      storm++
    ) {
      const calm = new AbortController();
      const loads = [
        judge.publish(world.stack.broker as Broker, plan.seed * 1_000 + storm, plan.rate, MIX, calm.signal),
        redriveRepeatedly(world, calm.signal),
      ];
      try {
        for (let strike = 0; strike < STRIKES && schedule.length < plan.kills && !signal.aborted; strike++) {
          await delay(chance.between(100, 1_200));
          const name = chance.pick(names);
          schedule.push(name);
          counts.set(name, (counts.get(name) ?? 0) + 1);
          say(`strike ${schedule.length}: ${name}`);
          await FAULTS[name]?.(world, chance);
        }
        await delay(chance.between(200, 1_000));
      } finally {
        calm.abort();
        await Promise.all(loads);
      }
      await waitUntilReady(world);
      findings = [
        ...world.surprises,
        ...(await judge.verdict(
          database,
          world.services.map(({ url }) => url),
        )),
      ];
      say(
        `storm ${storm}: ${schedule.slice(-STRIKES).join(", ")}; ${judge.acknowledged} of ${judge.attempted} acknowledged: ${findings.length === 0 ? "nothing lost" : "FAILED"}`,
      );
      if (findings.length > 0) break;
    }
  } catch (error) {
    findings.push(`the run did not complete: ${(error as Error).message}`);
  } finally {
    await database.close();
  }
  return await report(plan, world, schedule, counts, judge, findings);
}

async function report(
  plan: Plan,
  world: World,
  schedule: readonly string[],
  counts: ReadonlyMap<string, number>,
  judge: Judge,
  findings: readonly string[],
): Promise<number> {
  const kinds = [...counts].sort().map(([name, count]) => `  ${String(count).padStart(4)}  ${name}`);
  process.stdout.write(
    `seed ${plan.seed}: ${schedule.length} faults, ${plan.services} services, ${judge.attempted} published, ${judge.acknowledged} acknowledged\n${kinds.join("\n")}\n`,
  );
  if (findings.length === 0) {
    process.stdout.write("Nothing was lost, doubled or changed.\n");
    return 0;
  }
  const wrong = findings.map((finding) => `  ${finding}`).join("\n");
  process.stdout.write(`FAILED:\n${wrong}\nschedule: ${schedule.join("; ")}\n`);
  // Before the data is copied.
  world.isMeantToRun.fill(false);
  await Promise.all(world.services.map(({ child }) => child.end("SIGKILL")));
  await world.stack.broker?.stop();
  await world.stack.postgres.stop();
  const kept = fileURLToPath(new URL(`../../.data/torture-failed-${plan.seed}`, import.meta.url));
  await mkdir(kept, { recursive: true });
  await cp(world.stack.folder, kept, { recursive: true });
  process.stdout.write(`data and logs: ${kept}\n`);
  return 1;
}

async function redriveRepeatedly(world: World, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({
    filter: {},
    limit: 60,
    failures_max: 60,
    author: "torture",
    reason: "torture",
  });
  for (let place = 0; !signal.aborted; place++) {
    await delay(REDRIVE_EVERY_MS, undefined, { signal }).catch(() => {});
    const url = world.services[place % world.services.length]?.url;
    await fetch(`${url}/deadletters/redrive`, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(5_000),
    }).catch(() => {});
  }
}

async function waitUntilReady({ services }: World): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  using _notices = startNotices(() => "waiting until all services are ready", say);
  for (const { url } of services) {
    while (!(await isReady(url))) {
      if (performance.now() > deadline) {
        const reasons = await fetch(`${url}/readyz`).then((response) => response.text(), String);
        throw new Error(`${url} is not ready ${READY_TIMEOUT_MS / 1000} s after the storm: ${reasons}`);
      }
      await delay(100);
    }
  }
}

const MIX = { garbage: 0.1, duplicates: 0.05, conflicts: 0.03 };
const STRIKES = 5;
const REDRIVE_EVERY_MS = 700;
/** Reconnecting takes seconds, or longer. */
const READY_TIMEOUT_MS = 150_000;

await run(program);
