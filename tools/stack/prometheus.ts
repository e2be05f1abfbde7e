/** With the project's rules; `prometheus` and `promtool` from PATH. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runs } from "./go-program.ts";
import { freePort } from "./ports.ts";

export type Sample = Readonly<{ metric: Readonly<Record<string, string>>; value: [number, string] }>;
export type Rule = Readonly<{
  name: string;
  type: string;
  query: string;
  health: string;
  lastError?: string;
}>;

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #child: Child;

  private constructor(child: Child, url: string) {
    this.#child = child;
    this.url = url;
  }

  /**
   * @param target `host:port`.
   * @returns undefined if the program is not available.
   */
  static async start(folder: string, target: string, seconds = 5): Promise<Prometheus | undefined> {
    if (!hasPrometheus()) return undefined;
    await mkdir(folder, { recursive: true });
    const config = await readFile(join(OBSERVABILITY, "prometheus.yml"), "utf8");
    await writeFile(
      join(folder, "prometheus.yml"),
      config
        .replace('"waybill:3000"', `"${target}"`)
        .replace("alerts.yml", join(OBSERVABILITY, "alerts.yml"))
        .replaceAll("_interval: 5s", `_interval: ${seconds}s`),
    );
    const port = await freePort();
    const logFile = join(folder, "prometheus.log");
    const child = startChild(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--enable-feature=exemplar-storage",
      ],
      { logFile },
    );
    const url = `http://127.0.0.1:${port}`;
    await waitUntilReady(child, `Prometheus (see ${logFile})`, () =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return new Prometheus(child, url);
  }

  /** @throws if the expression is invalid. */
  async query(expression: string): Promise<readonly Sample[]> {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const body = (await response.json()) as { data?: { result: Sample[] }; error?: string };
    if (!body.data) throw new Error(`${expression}: ${body.error}`);
    return body.data.result;
  }

  /** Of the last hour. */
  async exemplars(expression: string): Promise<readonly Readonly<Record<string, string>>[]> {
    const end = Date.now() / 1000;
    const range = `start=${end - 3_600}&end=${end}`;
    const response = await fetch(
      `${this.url}/api/v1/query_exemplars?query=${encodeURIComponent(expression)}&${range}`,
    );
    const { data } = (await response.json()) as {
      data: { exemplars: { labels: Record<string, string> }[] }[];
    };
    return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
  }

  async rules(): Promise<readonly Rule[]> {
    const response = await fetch(`${this.url}/api/v1/rules`);
    const { data } = (await response.json()) as { data: { groups: { rules: Rule[] }[] } };
    return data.groups.flatMap(({ rules }) => rules);
  }

  async firing(): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/api/v1/alerts`);
    const { data } = (await response.json()) as {
      data: { alerts: { state: string; labels: { alertname: string } }[] };
    };
    return data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end("SIGTERM");
  }
}

export function hasPrometheus(): boolean {
  return runs("prometheus", ["--version"]) && runs("promtool", ["--version"]);
}

export const OBSERVABILITY = fileURLToPath(new URL("../../observability", import.meta.url));
