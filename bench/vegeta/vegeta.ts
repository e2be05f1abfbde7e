/** Targets and results are files; the plot is an HTML page. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { runGuarded } from "../../tools/stack/guard.ts";
import type { Attacker, Report, Targets } from "./attacker.ts";

export class Vegeta implements Attacker {
  /** Each step a quarter higher. */
  readonly ramp = Array.from({ length: 24 }, (_, step) => Math.round(1_000 * 1.25 ** step));
  readonly unit = "requests/s";
  readonly isOpen = true;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async attack(name: string, { url, list }: Targets, load: number, seconds: number): Promise<Report> {
    const file = (ending: string) => join(this.#folder, `${name}.${ending}`);
    const targets = createWriteStream(file("targets.json"));
    for (const { method, path, headers = {}, body } of list) {
      const header = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, [value]]));
      const target = {
        method,
        url: `${url}${path}`,
        header,
        ...(body ? { body: body.toString("base64") } : {}),
      };
      targets.write(`${JSON.stringify(target)}\n`);
    }
    await finished(targets.end());
    await vegeta(
      ...["attack", "-format=json", `-targets=${file("targets.json")}`, `-output=${file("results.bin")}`],
      ...[`-rate=${Math.round(load)}/1s`, `-duration=${seconds}s`, "-max-workers=1000"],
    );
    await vegeta("plot", `-output=${file("plot.html")}`, file("results.bin"));
    const report = JSON.parse(await vegeta("report", "-type=json", file("results.bin")));
    const milliseconds = (nanoseconds: number) => nanoseconds / 1e6;
    const counts = Object.entries(report.status_codes as Record<string, number>);
    return {
      requestsPerSecond: report.throughput + otherRightRate(counts, report),
      p50: milliseconds(report.latencies["50th"]),
      p99: milliseconds(report.latencies["99th"]),
      max: milliseconds(report.latencies.max),
      failed: counts.reduce((sum, [status, count]) => sum + (RIGHT.has(status) ? 0 : count), 0),
    };
  }
}

/** vegeta counts 2xx and 3xx only, but 404 and 409 are expected too. */
function otherRightRate(
  counts: readonly (readonly [string, number])[],
  report: { duration: number; wait: number },
): number {
  const others = counts.filter(([status]) => status === "404" || status === "409");
  return others.reduce((sum, [, count]) => sum + count, 0) / ((report.duration + report.wait) / 1e9);
}

async function vegeta(...given: string[]): Promise<string> {
  const { status, stdout, stderr } = await runGuarded("vegeta", given);
  if (status !== 0) throw new Error(`vegeta ${given[0]} failed: ${stderr}`);
  return stdout;
}

const RIGHT = new Set(["200", "201", "202", "304", "404", "409"]);
