/** Builds one domain. */

import { insertSourceGap } from "../audit/source-gaps-table.ts";
import type { DomainConfig } from "../config/config.ts";
import type { OutboxConfig } from "../config/sources.ts";
import type { AnyDomain } from "../contract/domain.ts";
import type { Source } from "../contract/source.ts";
import { DomainLine } from "../domain-line.ts";
import type { ByteBudget } from "../inbox/byte-budget.ts";
import { selectHasPayload } from "../inbox/inbox-table.ts";
import { createSources } from "../inbox/sources/create-sources.ts";
import { HttpSource } from "../inbox/sources/http.ts";
import { TimerSource } from "../inbox/sources/timer.ts";
import type { Transport } from "../outbox/transport.ts";
import { DomainMetrics } from "../watch/domain-metrics.ts";
import type { Shared } from "./shared.ts";

/** Starts nothing. */
export async function openLine(
  { config, logger, metrics, pools, wakeups, feed, openRpcClient, createTraces }: Shared,
  modules: readonly AnyDomain[],
  domain: DomainConfig,
  budget: ByteBudget,
): Promise<DomainLine> {
  const module = modules.find(({ name }) => name === domain.name);
  if (!module) throw new Error(`there is no domain ${domain.name}`);
  const http = new HttpSource({
    channel: module.name,
    hasPayload: (position, payload) => selectHasPayload(pools.reads, position, payload),
  });
  const sources: Source[] = await createSources(config.sources, domain, {
    http,
    logger,
    onRedelivered: (source, channel) => metrics.redelivered.inc({ domain: module.name, source, channel }),
    noteGap: (gap) => insertSourceGap(pools.reads, module.name, gap),
  });
  const { timer } = module;
  if (timer) {
    const nextDueAt = () => timer.nextDueAt(pools.reads);
    sources.push(new TimerSource({ channel: module.name, nextDueAt, payloadOf: timer.payloadOf, logger }));
  }
  const line = new DomainLine({
    module,
    config: domain,
    writes: pools.writes,
    reads: pools.reads,
    wakeups,
    buffer: budget.share(),
    payloadBytesMax: config.payloadBytesMax,
    sources,
    http,
    transport: await openTransport(domain.outbox),
    feed,
    openRpcClient,
    metrics: new DomainMetrics(metrics, module.name, sources),
    traces: createTraces?.(),
    logger,
  });
  await line.open();
  return line;
}

/** Loading the library takes half a second. */
async function openTransport(outbox: OutboxConfig | undefined): Promise<Transport | undefined> {
  if (!outbox) return undefined;
  const { KafkaTransport } = await import("../outbox/transport-kafka.ts");
  return new KafkaTransport(outbox);
}
