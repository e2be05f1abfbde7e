/** Publishes at a rate, records acknowledged messages, verifies on request. */
import { setTimeout as delay } from "node:timers/promises";
import type { DomainKit } from "../domains/kit.ts";
import { InFlight } from "./in-flight.ts";
import type { Load } from "./load.ts";
import { PayloadRefusedError, type Transport } from "./transport.ts";
import { type Expected, quantile, type Verification, Verifier } from "./verify.ts";

export type PublishOptions = Readonly<{
  kit: DomainKit;
  transport: Transport;
  load: Iterable<Load> | AsyncIterable<Load>;
  /** Per second; 0 for no limit. */
  rate: number;
  /** Without it nothing is verified. */
  verifyUrl: string | undefined;
  /** Without progress. */
  patienceSeconds?: number;
  /** If known. */
  count?: number | undefined;
  onProgress: (phase: "publishing" | "verifying", step: { done: number; total: number | undefined }) => void;
  signal: AbortSignal;
}>;

export type PublishReport = Readonly<{
  published: number;
  failed: number;
  /** Too large for the broker. */
  refused: number;
  byKind: Readonly<Record<string, number>>;
  /** Number of distinct keys. */
  keys: number;
  /** Messages that must be projected in any order of arrival. */
  mustProject: number;
  seconds: number;
  verification?: Verification & {
    /** Latency in milliseconds, of watched messages. */
    readable: { watched: number; p50: number | undefined; p99: number | undefined };
  };
}>;

export async function publish(options: PublishOptions): Promise<PublishReport> {
  const { kit, transport, load, rate, verifyUrl, onProgress, signal } = options;
  const verifier =
    verifyUrl === undefined ? undefined : new Verifier(verifyUrl, kit.readBack, options.patienceSeconds);
  const contents = new Map<string, Buffer[]>();
  const byKind: Record<string, number> = {};
  const inFlight = new InFlight(IN_FLIGHT_MAX);
  const watched: Promise<number | undefined>[] = [];
  let published = 0;
  let failed = 0;
  let refused = 0;
  let mustProject = 0;
  let failure: unknown;

  const send = async (message: Load): Promise<void> => {
    const publishedAt = performance.now();
    try {
      await transport.publish(message.payload, { key: message.key });
    } catch (error) {
      if (error instanceof PayloadRefusedError) refused += 1;
      else failed += 1;
      failure = error;
      return;
    }
    published += 1;
    const kind = message.kind === "valid" ? kit.messageNoun : message.kind;
    byKind[kind] = (byKind[kind] ?? 0) + 1;
    if (message.becomes?.outcome === "projected") mustProject += 1;
    if (message.key !== undefined) {
      const known = contents.get(message.key);
      if (known) known.push(message.payload);
      else contents.set(message.key, [message.payload]);
    }
    if (published % 50 === 0) onProgress("publishing", { done: published, total: options.count });
    if (verifier && message.kind === "valid" && message.key !== undefined && published % WATCH_EVERY === 1) {
      watched.push(verifier.timeUntilReadable(message.key, message.payload, publishedAt));
    }
  };

  const started = performance.now();
  let sent = 0;
  for await (const message of load) {
    if (signal.aborted) break;
    // Open loop: a slow service cannot hide its latency.
    const due = rate > 0 ? started + (sent * 1000) / rate : 0;
    const early = due - performance.now();
    if (early > 1) await delay(early);
    sent += 1;
    await inFlight.add(send(message));
    if (failed > 0 && published === 0) throw failure;
  }
  await inFlight.settled();
  onProgress("publishing", { done: published, total: options.count });
  const seconds = (performance.now() - started) / 1000;
  const report = { published, failed, refused, byKind, keys: contents.size, mustProject, seconds };
  if (failed > 0 && published === 0) throw failure;
  if (!verifier || signal.aborted) return report;

  const expected = [...contents].map(([key, list]): Expected => ({ key, published: list }));
  const verification = await verifier.check(expected, (done) =>
    onProgress("verifying", { done, total: expected.length }),
  );
  const times = (await Promise.all(watched)).filter((time) => time !== undefined).sort((a, b) => a - b);
  verifier.close();
  const readable = { watched: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  return { ...report, verification: { ...verification, readable } };
}

/** Keeps a broker busy, and the journal small. */
const IN_FLIGHT_MAX = 2_000;

/** More watching would disturb the measurement. */
const WATCH_EVERY = 20;
