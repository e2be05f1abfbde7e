/** Closes the gaps that an audit found, if their source can read the missing messages again. */
import type { AuditGap, AuditReport } from "../audit/audit.ts";
import { describeError } from "../contract/describe-error.ts";
import type { Source } from "../contract/source.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../watch/metrics.ts";

type Line = Readonly<{ name: string; intake: Readonly<{ sources: readonly Source[] }> }>;

export class SkippedMessages {
  readonly #lines: readonly Line[];
  readonly #metrics: Pick<Metrics, "skippedRead">;
  readonly #logger: Logger;
  /** Each gap is read once: what it still lacks then, the broker no longer has. */
  #known = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(lines: readonly Line[], metrics: Pick<Metrics, "skippedRead">, logger: Logger) {
    this.#lines = lines;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** Never rejects. The next audit retries what failed, and reports what arrives during a run. */
  async read({ domains }: Pick<AuditReport, "domains">): Promise<void> {
    this.#running ??= this.#readAll(domains).finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #readAll(domains: AuditReport["domains"]): Promise<void> {
    const done = new Set<string>();
    for (const { name, intake } of this.#lines) {
      for (const gap of domains[name]?.gaps ?? []) {
        const key = keyOf(name, gap);
        const source = intake.sources.find(
          (each) => each.name === gap.source && each.channel === gap.channel,
        );
        if (this.#known.has(key) || (source && (await this.#readGap(name, source, gap)))) done.add(key);
      }
    }
    // Without closed gaps.
    this.#known = done;
  }

  /** @returns whether the gap was read to its end. */
  async #readGap(domain: string, source: Source, { from, to, since, until }: AuditGap): Promise<boolean> {
    // Messages before the first stored one went to an earlier database, or were never requested.
    if (!since || until === undefined) return false;
    const labels = { domain, source: source.name, channel: source.channel };
    const context = { ...labels, from: String(from), to: String(to) };
    try {
      const messages = await source.readSkipped?.({ from, to, since, until });
      if (messages === undefined) return false;
      this.#metrics.skippedRead.inc(labels, messages);
      if (messages > 0) {
        this.#logger.warn(
          { ...context, messages },
          "the broker skipped messages; they are read again and stored",
        );
      }
      return true;
    } catch (error) {
      const reason = describeError(error);
      this.#logger.warn({ ...context, reason }, "skipped messages could not be read; the next audit retries");
      return false;
    }
  }
}

function keyOf(domain: string, { source, channel, from, to, since }: AuditGap): string {
  return JSON.stringify([domain, source, channel, String(from), String(to), String(since)]);
}
