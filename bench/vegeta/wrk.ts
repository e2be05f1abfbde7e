/** A closed loop over more and more connections. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runGuarded } from "../../tools/stack/guard.ts";
import type { Attacker, Report, Target, Targets } from "./attacker.ts";

export class Wrk implements Attacker {
  /** Doubled in each step. */
  readonly ramp = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];
  readonly unit = "connections";
  readonly isOpen = false;

  async attack(
    _name: string,
    { url, list, script }: Targets,
    load: number,
    seconds: number,
  ): Promise<Report> {
    const path = fileURLToPath(new URL(`../wrk/${script}.lua`, import.meta.url));
    const threads = Math.min(2, load);
    const given = [`-t${threads}`, `-c${load}`, `-d${seconds}s`, "--timeout", "10s", "-s", path, url];
    const folder = await mkdtemp(join(tmpdir(), "waybill-wrk-"));
    const targets = join(folder, "targets");
    // For the script `list`.
    if (script === "list") await writeFile(targets, list.map(lineOf).join(""));
    const env = { ...process.env, ...IDS, TARGETS: targets, THREADS: String(threads) };
    const { stdout } = await runGuarded("wrk", given, { env }).finally(() => rm(folder, { recursive: true }));
    const figures = /^FIGURES (.*)$/m.exec(stdout)?.[1];
    if (figures === undefined) throw new Error(`wrk printed no figures: ${stdout}`);
    const [requestsPerSecond = 0, p50 = 0, p99 = 0, max = 0, failed = 0] = figures.split(" ").map(Number);
    return { requestsPerSecond, p50, p99, max, failed };
  }
}

function lineOf({ path, headers = {}, body = Buffer.alloc(0) }: Target): string {
  return `${[path, ...Object.entries(headers).flat(), body.toString()].join("\t")}\n`;
}

const IDS = { PREFIX: "bench-", COUNT: "50000" };
