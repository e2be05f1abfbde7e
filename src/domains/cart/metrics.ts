/** The cart's metrics. */
import type { DomainContext } from "../../contract/domain.ts";
import { refreshed } from "../../contract/refreshed.ts";
import type { ResumeResult } from "./checkout/resume.ts";
import { measureOpenCheckouts } from "./checkouts-table.ts";
import { COMMAND_TYPES, type CommandType } from "./commands.ts";
import { DECLINE_REASONS, type Decided, type DeclineReason } from "./model.ts";
import type { CacheResult, OnCacheRead } from "./products/product-cache.ts";

export type CartMetrics = Readonly<{
  projected: (added: readonly Decided[]) => void;
  resumed: (result: ResumeResult) => void;
  cacheRead: OnCacheRead;
}>;

export function createMetrics({
  database,
  metrics,
  logger,
}: Pick<DomainContext, "database" | "metrics" | "logger">): CartMetrics {
  const decided = new Map<CommandType, { succeeded: number; declined: number }>(
    COMMAND_TYPES.map((type) => [type, { succeeded: 0, declined: 0 }]),
  );
  const declined = new Map<DeclineReason, number>(DECLINE_REASONS.map((reason) => [reason, 0]));
  const resumed: Record<ResumeResult, number> = { ended: 0, open: 0 };
  const reads: Record<CacheResult, number> = { hit: 0, miss: 0, error: 0 };
  metrics.counter(
    "waybill_cart_commands_total",
    "Commands decided by this process.",
    ["type", "status"],
    () =>
      [...decided].flatMap(([type, counts]) =>
        Object.entries(counts).map(([status, value]) => ({ value, labels: { type, status } })),
      ),
  );
  metrics.counter("waybill_cart_declines_total", "Declined commands by rule.", ["reason"], () =>
    [...declined].map(([reason, value]) => ({ value, labels: { reason } })),
  );
  const open = refreshed(() => measureOpenCheckouts(database), logger);
  metrics.gauge("waybill_cart_open_checkouts", "Open checkouts.", [], () => {
    const measured = open();
    return measured ? [{ value: measured.count }] : [];
  });
  metrics.gauge(
    "waybill_cart_oldest_open_checkout_seconds",
    "Age of the oldest open checkout; 0 if there is none.",
    [],
    () => {
      const measured = open();
      return measured ? [{ value: measured.oldestSeconds }] : [];
    },
  );
  metrics.counter(
    "waybill_cart_resumed_checkouts_total",
    "Attempts to finish a checkout in the background.",
    ["result"],
    () => Object.entries(resumed).map(([result, value]) => ({ value, labels: { result } })),
  );
  metrics.counter(
    "waybill_cart_product_cache_reads_total",
    "Reads of the product cache; error: the shard did not answer.",
    ["result"],
    () => Object.entries(reads).map(([result, value]) => ({ value, labels: { result } })),
  );
  const seconds = metrics.seconds(
    "waybill_cart_product_cache_seconds",
    "Duration of a read of the product cache.",
    [],
  );
  return {
    projected: (added) => {
      for (const { type, reason } of added) {
        const counts = decided.get(type);
        if (counts) counts[reason === undefined ? "succeeded" : "declined"] += 1;
        if (reason !== undefined) declined.set(reason, (declined.get(reason) ?? 0) + 1);
      }
    },
    resumed: (result) => {
      resumed[result] += 1;
    },
    cacheRead: (result, duration) => {
      reads[result] += 1;
      seconds(duration);
    },
  };
}
