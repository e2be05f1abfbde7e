/**
 * `npm run attack`: vegeta in an open loop at given rates, or wrk in a closed loop over more and more connections.
 */
import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Argument, command, exits, integer, Option, run, webAddress } from "../../src/cli/command.ts";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { WalletFactory } from "../../tools/domains/wallet/factory.ts";
import { walletKit } from "../../tools/domains/wallet/index.ts";
import { mebibytes } from "../../tools/stack/memory.ts";
import { startStack } from "../../tools/stack/stack.ts";
import { fill } from "../fill.ts";
import { metricOf, withService } from "../service.ts";
import type { Attacker, Report, Target, Targets } from "./attacker.ts";
import { Vegeta } from "./vegeta.ts";
import { Wrk } from "./wrk.ts";

const say = (text: string) => process.stderr.write(`${text}\n`);

type Attack = Readonly<{
  shows: string;
  /** Default duration. */
  seconds: number;
  carryOut: (attacker: Attacker, url: string, rate: number, seconds: number) => Promise<string>;
}>;

const ATTACKS: Readonly<Record<string, Attack>> = {
  ramp: {
    shows: "reads at rising rates up to the knee: p99 over 50 ms, errors, or a rate that is not reached",
    seconds: 10,
    carryOut: async (attacker, url, _rate, seconds) => {
      const lines: string[] = [];
      for (const load of attacker.ramp) {
        const report = await attacker.attack(`ramp-${load}`, hits(url), load, seconds);
        lines.push(rowOf(`${load} ${attacker.unit}`, report));
        say(lines.at(-1) as string);
        const isLate = attacker.isOpen && report.requestsPerSecond < 0.95 * load;
        if (report.p99 > KNEE_P99_MS || report.failed > 0 || isLate) break;
      }
      return tableOf(lines);
    },
  },
  soak: {
    shows: "--rate reads a second for --seconds, with the process's memory before and after",
    seconds: 600,
    carryOut: async (attacker, url, rate, seconds) => {
      const initial = await residentMebibytes(url);
      const report = await attacker.attack("soak", hits(url), attacker.isOpen ? rate : CONNECTIONS, seconds);
      return `${tableOf([rowOf("soak", report)])}\nresident: ${initial} MiB before, ${await residentMebibytes(url)} MiB after\n`;
    },
  },
  mix: {
    shows: "of ten reads: six cached, two not modified, two of missing orders",
    seconds: 10,
    carryOut: async (attacker, url, rate, seconds) => {
      const etag = (await fetch(`${url}/orders/bench-7`)).headers.get("etag") as string;
      const list = Array.from({ length: 10_000 }, (_, index): Target => {
        if (index % 10 < 2) return { method: "GET", path: `/orders/absent-${index}` };
        if (index % 10 < 4)
          return { method: "GET", path: "/orders/bench-7", headers: { "if-none-match": etag } };
        return { method: "GET", path: `/orders/bench-${(index * 7919) % ORDERS}` };
      });
      const targets = { url, list, script: "mix" };
      return tableOf([
        rowOf("mix", await attacker.attack("mix", targets, attacker.isOpen ? rate : CONNECTIONS, seconds)),
      ]);
    },
  },
  intake: {
    shows: "POST /orders at a fifth of --rate, with concurrent reads at --rate",
    seconds: 10,
    carryOut: async (attacker, url, rate, seconds) => {
      const factory = new OrderFactory(1);
      const posts = Math.ceil((rate / 5) * seconds);
      const list = Array.from({ length: posts }, (): Target => {
        return { method: "POST", path: "/orders", body: toPayload(factory.next()) };
      });
      const [reads, writes] = await Promise.all([
        attacker.attack("intake-reads", hits(url), attacker.isOpen ? rate : CONNECTIONS, seconds),
        attacker.attack(
          "intake-posts",
          { url, list, script: "posts" },
          attacker.isOpen ? rate / 5 : CONNECTIONS,
          seconds,
        ),
      ]);
      return tableOf([rowOf("GET", reads), rowOf("POST", writes)]);
    },
  },
};

const WALLET: Attack = {
  shows: "commands of a thousand users at --rate, one in a hundred repeated",
  seconds: 60,
  carryOut: async (attacker, url, rate, seconds) => {
    const factory = new WalletFactory(1);
    const list: Target[] = [];
    while (list.length < rate * seconds) {
      const { headers = {}, ...request } = walletKit.intake(factory.valid().payload);
      list.push({ method: "POST", headers: { ...headers }, ...request });
      if (list.length % 100 === 99) list.push(list.at(-1) as Target);
    }
    const load = attacker.isOpen ? rate : CONNECTIONS;
    const report = await attacker.attack("wallet", { url, list, script: "list" }, load, seconds);
    return tableOf([rowOf(`${load} ${attacker.unit}`, report)]);
  },
};

const program = command("attack", "Loads orders or the wallet until a limit is reached.")
  .addArgument(new Argument("<name>", "attack to run").choices([...Object.keys(ATTACKS), "wallet"]))
  .addOption(
    new Option("--with <program>", "load generator (default: vegeta if it is on PATH, else wrk)").choices([
      "vegeta",
      "wrk",
    ]),
  )
  .option(
    "--url <url>",
    "a running service with the orders bench-0 to bench-49999 (default: start and fill one)",
    webAddress,
  )
  .option("--rate <number>", "requests per second", integer(1, 1_000_000), 5_000)
  .option(
    "--seconds <number>",
    "duration (default: 600 for soak, 60 for the wallet, else 10)",
    integer(1, 1_000_000),
  )
  .option("--out <folder>", "folder for targets, results and plots", ".data/attack")
  .addHelpText(
    "after",
    `
Attacks:
${Object.entries({ ...ATTACKS, wallet: WALLET })
  .map(([name, { shows }]) => `  ${name.padEnd(8)}${shows}`)
  .join("\n")}`,
  )
  .action(
    exits(async (name, { with: chosen, url, rate, seconds, out }) => {
      const attack = ATTACKS[name] ?? WALLET;
      const program = chosen ?? (isThere("vegeta", "-version") ? "vegeta" : "wrk");
      if (!isThere(program, program === "vegeta" ? "-version" : "--version")) {
        const instead = program === "wrk" ? " (Debian: apt-get install wrk)" : "; or use --with wrk";
        throw new InvalidInputError("with", `${program} is not on PATH${instead}`);
      }
      await mkdir(out, { recursive: true });
      say(`attacking with ${program}; targets, results and plots go to ${out}`);
      const attacker: Attacker = program === "vegeta" ? new Vegeta(out) : new Wrk();
      const carryOut = (address: string) =>
        attack.carryOut(attacker, address, rate, seconds ?? attack.seconds);
      process.stdout.write(
        await (url !== undefined
          ? carryOut(url)
          : attack === WALLET
            ? onOwnWallet(carryOut)
            : onOwnService(attacker, carryOut)),
      );
      return 0;
    }),
  );

/** With `--url`, WALLET_JWT_SECRET must be the service's. */
async function onOwnWallet(carryOut: (url: string) => Promise<string>): Promise<string> {
  await using stack = await startStack("attack", say, { kits: [walletKit] });
  return await withService({ ...stack.environment, SOURCES: "http" }, stack.folder, ({ url }) =>
    carryOut(url),
  );
}

/** Filled and warmed up. */
async function onOwnService(attacker: Attacker, carryOut: (url: string) => Promise<string>): Promise<string> {
  await using stack = await startStack("attack", say);
  const environment = { ...stack.environment, SOURCES: "http" };
  await fill(environment, 1, ORDERS, say);
  return await withService(environment, stack.folder, async ({ url }) => {
    say("filling the cache, and warming up");
    while ((await metricOf(url, "waybill_cache_entries")) < ORDERS) await delay(50);
    const load = attacker.isOpen ? WARM_UP_RATE : CONNECTIONS;
    await attacker.attack("warm-up", hits(url), load, WARM_UP_SECONDS);
    return await carryOut(url);
  });
}

function hits(url: string): Targets {
  const list = Array.from(
    { length: ORDERS },
    (_, index): Target => ({ method: "GET", path: `/orders/bench-${index}` }),
  );
  return { url, list, script: "hits" };
}

function rowOf(name: string, { requestsPerSecond, p50, p99, max, failed }: Report): string {
  const times = [p50, p99, max].map((value) => value.toFixed(1)).join(" | ");
  return `| ${name} | ${Math.round(requestsPerSecond).toLocaleString("en")} | ${times} | ${failed} |`;
}

function tableOf(rows: readonly string[]): string {
  return `| load | requests/s | p50 ms | p99 ms | max ms | failed |\n|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

async function residentMebibytes(url: string): Promise<number> {
  return mebibytes(await metricOf(url, "process_resident_memory_bytes"));
}

function isThere(program: string, ...given: string[]): boolean {
  return spawnSync(program, given).error === undefined;
}

const ORDERS = 50_000;
const CONNECTIONS = 32;
const KNEE_P99_MS = 50;
const WARM_UP_RATE = 5_000;
const WARM_UP_SECONDS = 4;

await run(program);
