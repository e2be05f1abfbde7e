/** Turns what the engine reports into metrics. */

import type { AuditReport } from "../audit/audit.ts";
import { gapSize } from "../audit/sequence-gaps.ts";
import type { InboxRow, Message, Receipt } from "../contract/message.ts";
import type { Sink } from "../contract/source.ts";
import type { ProjectedBatch } from "../projector/project.ts";
import type { Metrics } from "./metrics.ts";

/** An inbox that counts what it has no room for. */
export function countRefusals(inbox: Sink, metrics: Metrics, domain: string): Sink {
  return {
    get failure() {
      return inbox.failure;
    },
    hasRoomFor: (message) => inbox.hasRoomFor(message),
    offer: (message, committed) => {
      const isTaken = inbox.offer(message, committed);
      if (!isTaken) metrics.refused.inc({ domain, source: message.source, channel: message.channel });
      return isTaken;
    },
  };
}

/** One append that has committed. */
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
  // Most messages of a batch come from the channel of the one before.
  let entry: Entry | undefined;
  for (const [index, { source, channel }] of messages.entries()) {
    if (!receipts[index]?.isNew) continue;
    if (entry?.source !== source || entry.channel !== channel) {
      entry = appended.find((other) => other.source === source && other.channel === channel);
    }
    if (entry) entry.count++;
    else {
      entry = { source, channel, count: 1 };
      appended.push(entry);
    }
  }
  for (const { count, ...labels } of appended) metrics.inboxAppended.inc({ domain, ...labels }, count);
}

/** One batch that was projected, seen right after its commit: from here on its messages are readable. */
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
      // The clocks of two machines differ; a negative duration would be a lie of the other kind.
      const value = Math.max(0, (readableAt - publishedAtMs) / 1000);
      const exemplar =
        traceparent === undefined ? {} : { exemplarLabels: { trace_id: traceparent.slice(3, 35) } };
      // The library's types know no exemplar label that is not a label of the metric too.
      metrics.publishToReadable.observe({ labels, value, ...exemplar } as never);
    }
  }
  for (const { outcome, code, count } of counts.values())
    metrics.outcomes.inc({ domain, outcome, code }, count);
}

/** @returns a function that records what each audit found. */
export function auditRecorder(metrics: Metrics): (report: AuditReport) => void {
  const gapLabels = new Map<string, Readonly<Record<"domain" | "source" | "channel", string>>>();
  return ({ storage, domains }) => {
    for (const [table, bytes] of storage.tables) metrics.tableBytes.set({ table }, Number(bytes));
    if (storage.bytesPerDay !== undefined) metrics.storageBytesPerDay.set(storage.bytesPerDay);
    // The series of a gap that has closed stays at 0 instead of disappearing.
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

/** The check that every domain has; no domain may give a check of its own this name. */
const CONSERVATION = "conservation";
