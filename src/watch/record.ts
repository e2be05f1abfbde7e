/** Records engine events as metrics. */

import type { AuditReport } from "../audit/audit.ts";
import { gapSize } from "../audit/sequence-gaps.ts";
import type { InboxRow, Message, Receipt } from "../contract/message.ts";
import type { Sink } from "../contract/source.ts";
import type { ProjectedBatch } from "../projector/project.ts";
import type { Metrics } from "./metrics.ts";

export function countRefusals(inbox: Sink, metrics: Metrics, domain: string): Sink {
  return {
    get failure() {
      return inbox.failure;
    },
    hasRoomFor: (message) => inbox.hasRoomFor(message),
    settled: (source, seconds) => inbox.settled(source, seconds),
    offer: (message, committed) => {
      const isTaken = inbox.offer(message, committed);
      if (!isTaken) metrics.refused.inc({ domain, source: message.source, channel: message.channel });
      return isTaken;
    },
  };
}

export function recordAppend(
  metrics: Metrics,
  domain: string,
  messages: readonly Message[],
  receipts: readonly Receipt[],
  seconds: number,
): void {
  metrics.appendSeconds.observe({ domain }, seconds);
  metrics.batchMessages.observe({ domain }, messages.length);
  type Entry = { source: string; channel: string; count: number };
  const appended: Entry[] = [];
  // Consecutive messages usually share a channel.
  let entry: Entry | undefined;
  for (const [index, { source, channel }] of messages.entries()) {
    if (!receipts[index]?.isNew) continue;
    if (entry?.source !== source || entry.channel !== channel) {
      entry = appended.find((known) => known.source === source && known.channel === channel);
    }
    if (entry) entry.count++;
    else {
      entry = { source, channel, count: 1 };
      appended.push(entry);
    }
  }
  for (const { count, ...labels } of appended) metrics.inboxAppended.inc({ domain, ...labels }, count);
}

/** Call right after the commit, from which on the messages are readable. */
export function recordProjection(
  metrics: Metrics,
  domain: string,
  batch: ProjectedBatch,
  seconds: number,
): void {
  metrics.projectionSeconds.observe({ domain }, seconds);
  const counts = new Map<string, { outcome: string; code: string; count: number }>();
  const readableAt = Date.now();
  const labels = { domain };
  for (const [index, outcome] of batch.outcomes.entries()) {
    const code = outcome.kind === "dead" ? outcome.rejection.code : "";
    const key = code === "" ? outcome.kind : `${outcome.kind}\0${code}`;
    const entry = counts.get(key);
    if (entry) entry.count++;
    else counts.set(key, { outcome: outcome.kind, code, count: 1 });
    const { publishedAtMs, traceparent } = batch.rows[index] as InboxRow;
    if (outcome.kind === "projected" && publishedAtMs !== undefined) {
      // Clocks of two machines differ; a duration cannot be negative.
      const value = Math.max(0, (readableAt - publishedAtMs) / 1000);
      const exemplar =
        traceparent === undefined ? {} : { exemplarLabels: { trace_id: traceparent.slice(3, 35) } };
      // The types allow only the metric's own labels in exemplars.
      metrics.publishToReadable.observe({ labels, value, ...exemplar } as never);
    }
  }
  for (const { outcome, code, count } of counts.values())
    metrics.outcomes.inc({ domain, outcome, code }, count);
}

export function auditRecorder(metrics: Metrics): (report: AuditReport) => void {
  const gapLabels = new Map<string, Readonly<Record<"domain" | "source" | "channel", string>>>();
  return ({ storage, domains }) => {
    for (const [table, bytes] of storage.tables) metrics.tableBytes.set({ table }, Number(bytes));
    if (storage.bytesPerDay !== undefined) metrics.storageBytesPerDay.set(storage.bytesPerDay);
    // Keep the series of closed gaps, at 0.
    for (const labels of gapLabels.values()) metrics.gapMessages.set(labels, 0);
    for (const [domain, { broken, checks, gaps, messagesPerDay }] of Object.entries(domains)) {
      metrics.auditDiscrepancies.set({ domain }, Number(broken));
      metrics.auditCheckViolations.set({ domain, check: CONSERVATION }, Number(broken));
      for (const [check, { broken: violations }] of checks) {
        metrics.auditCheckViolations.set({ domain, check }, Number(violations));
      }
      if (messagesPerDay !== undefined) metrics.messagesPerDay.set({ domain }, messagesPerDay);
      for (const { source, channel, from, to } of gaps) {
        const labels = { domain, source, channel };
        gapLabels.set(JSON.stringify(labels), labels);
        metrics.gapMessages.inc(labels, Number(gapSize({ from, to })));
      }
    }
  };
}

/** The engine's check; domains must not use the name. */
const CONSERVATION = "conservation";
