/** The same attacks with wrk, which runs everywhere: a closed loop over more and more connections. */
import { fileURLToPath } from "node:url";
import { runGuarded } from "../../tools/stack/guard.ts";
import type { Attacker, Report, Targets } from "./attack.ts";

export class Wrk implements Attacker {
  /** Connections, twice as many each time. */
  readonly ramp = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];
  readonly unit = "connections";
  readonly isOpen = false;

  async attack(_name: string, { url, script }: Targets, load: number, seconds: number): Promise<Report> {
    const path = fileURLToPath(new URL(`../wrk/${script}.lua`, import.meta.url));
    const threads = Math.min(2, load);
    const given = [`-t${threads}`, `-c${load}`, `-d${seconds}s`, "--timeout", "10s", "-s", path, url];
    const { stdout } = await runGuarded("wrk", given, { env: { ...process.env, ...IDS } });
    const figures = /^FIGURES (.*)$/m.exec(stdout)?.[1];
    if (figures === undefined) throw new Error(`wrk did not say what it found: ${stdout}`);
    const [requestsPerSecond = 0, p50 = 0, p99 = 0, max = 0, failed = 0] = figures.split(" ").map(Number);
    return { requestsPerSecond, p50, p99, max, failed };
  }
}

const IDS = { PREFIX: "bench-", COUNT: "50000" };
