/** Builds the operators' tools: desk, bulk redrives and audits. */

import { Auditor } from "../audit/auditor.ts";
import { settlingSeconds } from "../audit/sequence-gaps.ts";
import { ackWaitsOf } from "../config/config.ts";
import type { AnyDomain, OutcomeName } from "../contract/domain.ts";
import type { Queryable } from "../database/queryable.ts";
import { Desk } from "../deadletter/desk.ts";
import { stepBulkDecision } from "../deadletter/repair/bulk-decision.ts";
import { selectRunningBulkDecisions } from "../deadletter/repair/bulk-decisions-table.ts";
import { stepBulkRedrive } from "../deadletter/repair/bulk-redrive.ts";
import { selectRunningBulkRedrives } from "../deadletter/repair/bulk-redrives-table.ts";
import { BULK_DECISION_QUEUE, BULK_REDRIVE_QUEUE, BulkRunner } from "../deadletter/repair/bulk-runner.ts";
import { Transformer } from "../deadletter/transform/transformer.ts";
import type { DomainLine } from "../domain-line.ts";
import { CheckpointWatch } from "../projector/checkpoint-watch.ts";
import { WatchesElsewhere } from "../projector/watches-elsewhere.ts";
import { auditRecorder } from "../watch/record.ts";
import type { Shared } from "./shared.ts";
import { SkippedMessages } from "./skipped-messages.ts";

export type Operators = ReturnType<typeof openOperators>;

export function openOperators(
  { config, logger, metrics, pools, jobs, wakeups, createTraces }: Shared,
  modules: readonly AnyDomain[],
  lines: readonly DomainLine[],
) {
  const lineOf = (domain: string) => lines.find(({ name }) => name === domain);
  const traces = createTraces?.();
  const record = auditRecorder(metrics);
  const skipped = new SkippedMessages(lines, metrics, logger);
  const redriving = {
    database: pools.desk,
    enqueueWakeup: (transaction: Queryable, domain: string, upTo: bigint) =>
      wakeups.enqueue(transaction, domain, upTo, traces?.traceparentOfJob()),
    onAppended: (domain: string, upTo: bigint) => lineOf(domain)?.projector.wake(upTo),
    traceRedrive: traces?.redrive.bind(traces),
    transformer: new Transformer(config.payloadBytesMax, logger),
  };
  const elsewhere = new WatchesElsewhere(
    (domain) => new CheckpointWatch({ database: pools.reads, domain, logger }),
  );
  const settled = async (domain: string, position: bigint, signal: AbortSignal): Promise<OutcomeName> => {
    const line = lineOf(domain);
    return line ? line.watch.settled(position, signal) : elsewhere.settled(domain, position, signal);
  };
  const running = { database: pools.desk, jobs, logger, settled };
  return {
    settled,
    desk: new Desk({
      ...redriving,
      reads: pools.reads,
      jobs,
      domains: modules,
      running: lines.map(({ name }) => name),
      traceUrl: config.traceUrl,
      viewOf: async (domain, position) => lineOf(domain)?.service?.viewOf?.(position),
    }),
    redriveRunner: new BulkRunner({
      ...running,
      queue: BULK_REDRIVE_QUEUE,
      selectRunning: selectRunningBulkRedrives,
      step: (id) => stepBulkRedrive(redriving, id),
    }),
    decisionRunner: new BulkRunner({
      ...running,
      queue: BULK_DECISION_QUEUE,
      selectRunning: selectRunningBulkDecisions,
      step: (id) => stepBulkDecision(pools.desk, id),
    }),
    auditor: new Auditor(
      pools.audit,
      lines.map(({ module }) => module),
      (report) => {
        record(report);
        void skipped.read(report);
      },
      {
        gapSettledSeconds: settlingSeconds(ackWaitsOf(config.domains)),
        calmSecondsOf: (domain) => lineOf(domain)?.intake.calmSeconds ?? 0,
      },
    ),
  };
}
