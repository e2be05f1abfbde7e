/** From the inbox to durable decisions, compared with a transaction and `select … for update` per command. */
import type { Message } from "../src/contract/message.ts";
import { Database } from "../src/database/database.ts";
import { wallet } from "../src/domains/wallet/index.ts";
import { append } from "../src/inbox/append.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { inTurns, type Measurement } from "./measurement.ts";
import { applyPlainly, type Transfer } from "./wallet-plain.ts";

/** By the number of the command. */
const SHAPES: Readonly<Record<string, (index: number) => Pick<Transfer, "from" | "to">>> = {
  "many accounts": (index) => ({ from: userOf(index * 7_919), to: userOf(index * 104_729 + 1) }),
  "all into one": (index) => ({ from: userOf(index), to: HOT }),
  "all out of one": (index) => ({ from: HOT, to: userOf(index) }),
};

export async function measureWallet(
  stack: Stack,
  commands: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const ways: Record<string, () => Promise<number>> = {};
  for (const [shape, accountsOf] of Object.entries(SHAPES)) {
    const transfers = (count: number): Transfer[] =>
      Array.from({ length: count }, (_none, index) => ({
        id: `t${index}`,
        amount: "0.01",
        ...accountsOf(index),
      }));
    ways[shape] = () => rateOfEngine(stack, transfers(commands));
    ways[`${shape}, plainly`] = () => rateOfPlain(stack, transfers(Math.ceil(commands / PLAIN_SHARE)));
  }
  const rates = await inTurns(ways, ROUNDS, "wallet", say);
  return Object.keys(SHAPES).map((shape) => ({
    name: `wallet: projection, ${shape}`,
    unit: "commands/s",
    figures: rates.get(shape) ?? [],
    limits: rates.get(`${shape}, plainly`) ?? [],
    limitName: "plainly",
    ...(shape === "many accounts" ? { goal: { of: "figure" as const, atLeast: 20_000 } } : {}),
  }));
}

export async function rateOfEngine(stack: Stack, transfers: readonly Transfer[]): Promise<number> {
  await using bench = await createBenchDatabase(stack);
  await using database = new Database(bench.environment.DATABASE_URL as string, {
    connectionsMax: 2,
    // As the service does.
    preparesStatements: true,
    logger: createLogger("silent"),
  });
  await appendAll(database, openingCommands());
  await appendAll(
    database,
    transfers.map(({ id, from, to, amount }) => ({
      id,
      type: "transfer",
      owner: from,
      to,
      currency: "USD",
      amount,
    })),
  );
  const domain = projectingOf(wallet, { isLive: true });
  const project = async () => (await projectNext(database, domain, new Handover())).rows.length;
  // The deposits are not measured.
  await project();
  const begun = performance.now();
  let projected = 0;
  for (let rows = await project(); rows > 0; rows = await project()) projected += rows;
  return projected / ((performance.now() - begun) / 1000);
}

async function rateOfPlain(stack: Stack, transfers: readonly Transfer[]): Promise<number> {
  await using bench = await createBenchDatabase(stack);
  const seconds = await applyPlainly(bench.adminUrl, [HOT, ...USERS], transfers);
  return transfers.length / seconds;
}

/** Enough money for all; ticks fill the batch, so that measuring starts with a full one. */
function openingCommands(): object[] {
  const commands: object[] = [
    { id: "usd", type: "currency.put", code: "USD", numeric_code: 840, exponent: 2, enabled: true },
    ...[HOT, ...USERS].map((owner) => ({
      id: "d",
      type: "deposit",
      owner,
      currency: "USD",
      amount: "1000000.00",
    })),
  ];
  while (commands.length < BATCH) commands.push({ id: `tick-${commands.length}`, type: "tick" });
  return commands;
}

async function appendAll(database: Database, commands: readonly object[]): Promise<void> {
  for (let start = 0; start < commands.length; start += BATCH) {
    const messages = commands.slice(start, start + BATCH).map(
      (command, index): Message => ({
        source: "nats-streaming",
        channel: "wallet",
        messageId: `${performance.now()}-${start + index}`,
        payload: Buffer.from(JSON.stringify(command)),
        publishedAtMs: undefined,
      }),
    );
    await append(database, wallet.name, messages, async () => {});
  }
}

const userOf = (index: number): string => `user-${index % USERS_COUNT}`;
const USERS_COUNT = 1_000;
const USERS = Array.from({ length: USERS_COUNT }, (_none, index) => userOf(index));
const HOT = "hot";

/** Of the projector. */
const BATCH = 4_000;
const ROUNDS = 3;

/** Far slower, so a fraction of the commands suffices. */
const PLAIN_SHARE = 40;
