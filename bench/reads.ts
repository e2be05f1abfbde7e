/**
 * All results of `GET /orders/:id`, compared with a bare node:http server in another process that sends the same
 * headers, under the same load from `wrk`.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import { runGuarded, spawnGuarded } from "../tools/stack/guard.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { fill } from "./fill.ts";
import { inTurns, type Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

export async function measureReads(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  needWrk();
  await fill(stack.environment, 1, ORDERS, say);
  const quiet = { ...stack.environment, SOURCES: "http" };
  return withService(stack.environment, stack.folder, (service) =>
    withService({ ...quiet, CACHE_BYTES_MAX: "0" }, stack.folder, async (uncached) => {
      const path = "/orders/bench-7";
      while ((await fetch(`${service.url}${path}`)).status !== 200);
      const answer = await fetch(`${service.url}${path}`);
      const etag = answer.headers.get("etag") as string;
      const bare = spawnGuarded(process.execPath, ["--input-type=module", "-e", BARE_SERVER], {
        env: { BODY: await answer.text(), HEADERS: JSON.stringify(ownHeaders(answer)) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const [line] = (await once(bare.stdout as NodeJS.EventEmitter, "data")) as [Buffer];
        const bareUrl = `http://127.0.0.1:${line.toString().trim()}${path}`;
        const ways = {
          bare: () => wrk(bareUrl),
          hit: () => wrk(`${service.url}${path}`),
          "not modified (304)": () => wrk(`${service.url}${path}`, { headers: { "if-none-match": etag } }),
          // As the client of the misses works: wrk's script takes processor time of its own.
          "hit, of many orders": () => wrk(service.url, { ids: { prefix: "bench-", count: ORDERS } }),
          miss: () => wrk(uncached.url, { ids: { prefix: "bench-", count: ORDERS } }),
          "absent (404)": () =>
            wrk(service.url, { ids: { prefix: "absent-", count: 1_000_000 }, isAbsent: true }),
          "hit, while 1,000/s come in": () => withIntake(stack, () => wrk(`${service.url}${path}`)),
        };
        const rates = await inTurns(ways, ROUNDS, "reads", say);
        const bareRates = rates.get("bare") as number[];
        return [...rates].slice(1).map(
          ([way, figures]): Measurement => ({
            name: `GET: ${way}`,
            unit: "requests/s",
            figures,
            limits: bareRates,
            limitName: "bare node:http",
            ...(way === "hit" ? { goal: { of: "ratio", atLeast: 0.9 } } : {}),
          }),
        );
      } finally {
        bare.kill("SIGTERM");
      }
    }),
  );
}

type WrkOptions = Readonly<{
  headers?: Readonly<Record<string, string>>;
  /** Requests `/orders/<prefix><number>` with numbers below `count`. */
  ids?: Readonly<{ prefix: string; count: number }>;
  /** 404 is expected. */
  isAbsent?: boolean;
}>;

/** Per second, over 32 connections. @throws if a status is unexpected. */
export async function wrk(url: string, options: WrkOptions = {}): Promise<number> {
  const { headers = {}, ids, isAbsent = false } = options;
  const given = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const all = ["-t2", "-c32", `-d${SECONDS}s`, ...given, ...(ids ? ["-s", IDS_SCRIPT] : []), url];
  const env = ids ? { ...process.env, PREFIX: ids.prefix, COUNT: String(ids.count) } : process.env;
  const { stdout } = await runGuarded("wrk", all, { env });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  const hasErrors = /Non-2xx or 3xx/.test(stdout);
  if (rate === undefined || hasErrors !== isAbsent) throw new Error(`wrk failed: ${stdout}`);
  return Number(rate);
}

export function needWrk(): void {
  if (spawnSync("wrk", ["--version"]).error) {
    throw new Error("this measurement needs wrk, which is not on PATH (Debian: apt-get install wrk)");
  }
}

/** A thousand orders a second. */
async function withIntake(stack: Stack, work: () => Promise<number>): Promise<number> {
  if (!stack.broker) throw new Error("this measurement needs a NATS Streaming server");
  await using transport = await connectTo(ordersKit, stack.broker.kind, stack.environment);
  const factory = new OrderFactory(3);
  let isDone = false;
  const publishing = (async () => {
    const started = performance.now();
    for (let sent = 0; !isDone; sent++) {
      const early = started + sent - performance.now();
      if (early > 1) await delay(early);
      transport.publish(toPayload(factory.next())).catch(() => {});
    }
  })();
  try {
    return await work();
  } finally {
    isDone = true;
    await publishing;
  }
}

/** Without those that Node.js adds. */
function ownHeaders({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !NODE_HEADERS.includes(name)));
}

const NODE_HEADERS = ["connection", "date", "keep-alive"];
const ROUNDS = 3;
const SECONDS = 2;
const ORDERS = 50_000;
const IDS_SCRIPT = fileURLToPath(new URL("wrk/hits.lua", import.meta.url));

const BARE_SERVER = `
  import { createServer } from "node:http";
  const body = Buffer.from(process.env.BODY);
  const headers = JSON.parse(process.env.HEADERS);
  const server = createServer((request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;
