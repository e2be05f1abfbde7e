/**
 * `GET /orders/:id` from the cache, beside a bare node:http server that answers the same body from a process of its
 * own. The two take turns, several times, under the same load from `wrk`.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { connectToHttp } from "../tools/publisher/transport.ts";
import { Verifier } from "../tools/publisher/verify.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import type { Measurement } from "./measurement.ts";

export async function measureReads(stack: Stack, say: (text: string) => void): Promise<Measurement> {
  if (spawnSync("wrk", ["--version"]).error)
    throw new Error("reads are measured with wrk, which is not on PATH");
  const environment = { ...stack.environment, SOURCES: "http" };
  const service = await startServiceProcess(environment, stack.folder);
  const order = new OrderFactory(2).next();
  const payload = toPayload(order);
  await using transport = connectToHttp(service.url, undefined);
  await transport.publish(payload);
  const verifier = new Verifier(service.url);
  await verifier.timeUntilReadable(order.order_uid, performance.now());
  verifier.close();

  const bare = spawn(process.execPath, ["--input-type=module", "-e", BARE_SERVER], {
    env: { BODY: payload.toString() },
  });
  try {
    const [line] = (await once(bare.stdout, "data")) as [Buffer];
    const bareUrl = `http://127.0.0.1:${line.toString().trim()}/orders/${order.order_uid}`;
    const serviceUrl = `${service.url}/orders/${order.order_uid}`;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(wrk(bareUrl));
      ours.push(wrk(serviceUrl));
      say(
        `reads: round ${round + 1} of ${ROUNDS}: ${Math.round(ours.at(-1) ?? 0)}/s, bare ${Math.round(theirs.at(-1) ?? 0)}/s`,
      );
    }
    const figure = median(ours);
    const limit = median(theirs);
    return {
      name: "reads",
      figure,
      unit: "requests/s",
      limit,
      goal: "≥ 0.9 of bare node:http",
      met: figure >= 0.9 * limit,
    };
  } finally {
    bare.kill("SIGTERM");
    await service.child.end("SIGTERM");
  }
}

/** Requests per second over 32 connections. */
export function wrk(url: string): number {
  const { stdout } = spawnSync("wrk", ["-t2", "-c32", `-d${SECONDS}s`, url], { encoding: "utf8" });
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined || /Non-2xx/.test(stdout)) throw new Error(`wrk did not succeed: ${stdout}`);
  return Number(rate);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

const ROUNDS = 5;
const SECONDS = 4;

const BARE_SERVER = `
  import { createServer } from "node:http";
  const body = Buffer.from(process.env.BODY);
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;
