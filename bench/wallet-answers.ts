/**
 * From the scheduled time of a command to its durable, answered decision. Afterwards compares the client's journal
 * with the service.
 */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { KitMessage } from "../tools/domains/kit.ts";
import { WalletFactory } from "../tools/domains/wallet/factory.ts";
import { walletKit } from "../tools/domains/wallet/index.ts";
import { quantile, Verifier } from "../tools/publisher/verify.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import type { Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

type Answered = Readonly<{ status: number; milliseconds: number; position: string | undefined }>;

export async function measureAnswers(
  stack: Stack,
  seconds: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const results: Measurement[] = [];
  for (const processes of [1, 2]) {
    await using bench = await createBenchDatabase(stack);
    const environment = {
      ...bench.environment,
      ...walletKit.environment,
      DOMAINS: "wallet",
      SOURCES: "http",
    };
    await withServices(environment, stack.folder, processes, async (urls) => {
      say(`answers: warming up ${processes === 1 ? "one process" : "two processes"}`);
      await load(urls, 1_000, WARM_UP_SECONDS, 1);
      for (const rate of Object.keys(GOALS_MS).map(Number)) {
        const { answers, wrong, commands } = await load(urls, rate, seconds, rate + processes);
        const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
        const quantileOf = (share: number) => quantile(times, share) as number;
        const byStatus = Map.groupBy(answers, ({ status }) => status);
        const statuses = [...byStatus].sort().map(([status, list]) => `${list.length} × ${status}`);
        const shown = [0.5, 0.99, 0.999, 1].map((share) => quantileOf(share).toFixed(1));
        const note = `p50 ${shown[0]}, p99 ${shown[1]}, p99.9 ${shown[2]}, max ${shown[3]} ms; ${statuses.join(", ")}; ${commands} commands read back, ${wrong} differ from their answers`;
        say(`answers: ${rate}/s, ${processes} process${processes === 1 ? "" : "es"}: ${note}`);
        results.push({
          name: `wallet: answer at ${rate.toLocaleString("en")}/s, ${processes === 1 ? "one process" : "two processes"}`,
          unit: "ms p99",
          figures: [quantileOf(0.99)],
          goal: { of: "figure", atMost: GOALS_MS[rate] as number },
          note,
        });
      }
    });
  }
  return results;
}

async function withServices(
  environment: Readonly<Record<string, string>>,
  folder: string,
  processes: number,
  work: (urls: readonly string[]) => Promise<void>,
  urls: readonly string[] = [],
): Promise<void> {
  if (urls.length === processes) return work(urls);
  await withService(environment, folder, ({ url }) =>
    withServices(environment, folder, processes, work, [...urls, url]),
  );
}

/** One in a hundred repeats an id and must get the same answer. */
export async function load(urls: readonly string[], rate: number, seconds: number, seed: number) {
  const factory = new WalletFactory(seed);
  const messages: KitMessage[] = [];
  for (let count = 0; count < rate * seconds; count++) {
    messages.push(count % 100 === 99 ? (messages[count - 1] as KitMessage) : factory.valid());
  }
  // Signing a token takes longer than many answers.
  const requests = messages.map(({ payload }) => walletKit.intake(payload));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const answering: Promise<Answered>[] = [];
  const begun = performance.now();
  for (const [index, { path, headers = {}, body }] of requests.entries()) {
    const due = begun + (index * 1000) / rate;
    const early = due - performance.now();
    if (early > 1) await delay(early);
    const url = urls[index % urls.length] as string;
    answering.push(
      post(`${url}${path}`, agent, headers, body).then((answer) => ({
        ...answer,
        milliseconds: performance.now() - due,
      })),
    );
  }
  const answers = await Promise.all(answering);
  agent.destroy();
  const compared = await compareWith(urls, messages, answers);
  return { answers, ...compared };
}

function post(url: string, agent: Agent, headers: Readonly<Record<string, string>>, body: Buffer) {
  return new Promise<Omit<Answered, "milliseconds">>((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const { position } = JSON.parse(Buffer.concat(chunks).toString()) as { position?: string };
        resolve({ status: response.statusCode ?? 0, position });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

/** Reads each command back. @returns the number of commands and of differences. */
async function compareWith(
  urls: readonly string[],
  messages: readonly KitMessage[],
  answers: readonly Answered[],
): Promise<{ commands: number; wrong: number }> {
  const given = new Map<string, Set<string>>();
  for (const [index, { key = "" }] of messages.entries()) {
    const { status, position } = answers[index] as Answered;
    given.set(key, (given.get(key) ?? new Set()).add(`${STATUS[status] ?? status} ${position}`));
  }
  const verifier = new Verifier(urls.at(-1) as string, walletKit.readBack);
  const rest = given.entries();
  let wrong = 0;
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const [key, received] of rest) {
        const { status, position } = JSON.parse(`${(await verifier.read(key)) ?? "{}"}`);
        if (received.size !== 1 || !received.has(`${status} ${position}`)) wrong += 1;
      }
    }),
  );
  verifier.close();
  return { commands: given.size, wrong };
}

const STATUS: Readonly<Record<number, string>> = { 201: "succeeded", 200: "succeeded", 409: "declined" };

/** Limit of p99 in milliseconds, by commands a second. */
const GOALS_MS: Readonly<Record<number, number>> = { 100: 25, 2000: 100 };
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 256;
const READERS = 16;
