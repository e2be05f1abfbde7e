/**
 * The command `npm run marketplace`: cart, loms and product with their databases and caches, a scripted scenario and a
 * load of checkouts through them, verified. With `--once` it ends then; without, it runs until Ctrl-C.
 */
import { command, exits, integer, run } from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";
import { randomSeed, SEED_MAX } from "../domains/random.ts";
import { watchForStop } from "../stack/stopping.ts";
import { addresses } from "./addresses.ts";
import { connectTo } from "./clients.ts";
import { type LoadReport, runLoad } from "./load.ts";
import { runScenario } from "./scenario.ts";
import { compareAudits, compareOrders, compareStocks, readOrders, readStocks } from "./verify.ts";
import { startWorld } from "./world.ts";

const marketplace = command(
  "marketplace",
  "Runs cart (twice), loms and product on a stack of their own, with a scenario and a load, verified.",
)
  .option("--once", "verify, print the sum and end: status 0 if everything holds, else 1")
  .option("--checkouts <number>", "how many checkouts the load makes", integer(0, 1_000_000), 1_000)
  .option("--users <number>", "how many users buy at the same time", integer(1, 1_000), 50)
  .option("--seed <number>", "the same wishes again (default: random, printed)", integer(0, SEED_MAX))
  .addHelpText(
    "after",
    `
It needs PgBouncer and Redis on PATH (Debian: apt-get install pgbouncer redis-server); PostgreSQL comes with npm ci.
Everything listens on free ports of 127.0.0.1 and stores below .data/, which is removed at the end. With more than about
1,300 checkouts the users want more than there is in stock: adds and checkouts are refused then. See docs/marketplace.md.`,
  )
  .action(
    exits(async ({ once, checkouts, users, seed = randomSeed() }) => {
      const signal = watchForStop();
      await using world = await startWorld(say);
      if (signal.aborted) return 1;
      const clients = connectTo(world);
      const first = await readStocks(clients);

      say("the scenario");
      const problems = await runScenario(world, clients, (step) => process.stdout.write(`${step}\n`));
      if (signal.aborted) return 1;

      using progress = new Progress();
      const before = await readOrders(clients, () => {});
      const report = await runLoad(clients, {
        checkouts,
        users,
        seed,
        skus: [...first].filter(([, count]) => count > 0n).map(([sku]) => sku),
        onProgress: (done) => progress.show("checking out", { done, total: checkouts }),
        signal,
      });
      progress.end();
      process.stdout.write(describe(report, seed));
      if (signal.aborted) return 1;

      const orders = await readOrders(clients, (done) => progress.show("reading orders", { done }));
      progress.end();
      const findings = [
        ...problems,
        ...report.errors,
        ...compareOrders(orders, report.purchases, before.at(-1)?.id ?? 0n),
        ...compareStocks(first, await readStocks(clients), orders),
        ...(await compareAudits(world.services)),
      ];
      process.stdout.write(
        findings.length === 0
          ? `${orders.length} orders: no SKU is oversold, every checkout has one order, and all audits hold.\n`
          : `NOT everything holds:\n${findings
              .slice(0, FINDINGS_MAX)
              .map((text) => `  ${text}\n`)
              .join("")}`,
      );
      const status = findings.length === 0 ? 0 : 1;
      if (once) return status;

      process.stdout.write(addresses(world));
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      say("stopping");
      return status;
    }),
  );

function describe({ purchases, refusedAdds, seconds }: LoadReport, seed: number): string {
  const ordered = purchases.filter(({ orderId }) => orderId !== undefined);
  const times = purchases.map((purchase) => purchase.seconds).sort((one, other) => one - other);
  const milliseconds = (share: number) =>
    Math.round((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0) * 1000);
  const ended = (how: string) => ordered.filter(({ end }) => end === how).length;
  return `seed ${seed}: ${purchases.length} checkouts in ${seconds.toFixed(1)} s (${Math.round(purchases.length / seconds)}/s), p50 ${milliseconds(0.5)} ms, p99 ${milliseconds(0.99)} ms
${ordered.length} ordered (${ended("payed")} payed, ${ended("cancelled")} cancelled, ${ended("left")} waiting), ${purchases.length - ordered.length} failed; ${refusedAdds} adds refused for lack of stock
`;
}

function say(text: string): void {
  process.stderr.write(`marketplace: ${text}\n`);
}

const FINDINGS_MAX = 20;

await run(marketplace);
