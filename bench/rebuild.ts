/** Rate, memory, and latency of concurrent reads. */
import { readFileSync } from "node:fs";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { quantile, Verifier } from "../tools/publisher/verify.ts";
import { spawnGuarded } from "../tools/stack/guard.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { fill } from "./fill.ts";
import type { Measurement } from "./measurement.ts";

export async function measureRebuild(
  stack: Stack,
  orders: number,
  say: (text: string) => void,
): Promise<Measurement> {
  await fill(stack.environment, 1, orders, say);
  const service = await startServiceProcess({ ...stack.environment, SOURCES: "http" }, stack.folder);
  const verifier = new Verifier(service.url, ordersKit.readBack);
  try {
    const quiet = await readFor(
      verifier,
      orders,
      async () => new Promise((resolve) => setTimeout(resolve, 5_000)),
    );
    let memory = 0;
    const begun = performance.now();
    const during = await readFor(verifier, orders, async () => {
      const child = spawnGuarded(process.execPath, ["src/cli/main.ts", "rebuild", "orders", "--json"], {
        env: { ...process.env, ...stack.environment },
        stdio: ["ignore", "inherit", "inherit"],
      });
      const watching = setInterval(() => {
        memory = Math.max(memory, peakOf(child.pid as number));
      }, 200);
      const status = await new Promise((resolve) => child.once("close", resolve));
      clearInterval(watching);
      if (status !== 0) throw new Error(`the rebuild exited with status ${status}`);
    });
    const seconds = (performance.now() - begun) / 1000;
    return {
      name: "rebuild beside reads",
      unit: "orders/s, comparison included",
      figures: [orders / seconds],
      note: `at most ${Math.round(memory / 1024)} MiB; p99 of reads ${during.toFixed(1)} ms during the rebuild, ${quiet.toFixed(1)} ms before`,
    };
  } finally {
    verifier.close();
    await service.child.end("SIGTERM");
  }
}

/** @returns p99 of reads during the work, in milliseconds. */
async function readFor(verifier: Verifier, orders: number, work: () => Promise<unknown>): Promise<number> {
  let isDone = false;
  const times: number[] = [];
  const reading = (async () => {
    for (let number = 1; !isDone; number = (number * 48_271) % 2_147_483_647) {
      const begun = performance.now();
      if (!(await verifier.read(`bench-${number % orders}`))) throw new Error("an order cannot be read");
      times.push(performance.now() - begun);
    }
  })();
  await work().finally(() => {
    isDone = true;
  });
  await reading;
  return (
    quantile(
      times.sort((a, b) => a - b),
      0.99,
    ) ?? 0
  );
}

/** Peak resident KiB; 0 after the exit. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
