/** The metrics of loms. */
import type { DomainContext } from "../../contract/domain.ts";
import { refreshed } from "../../contract/refreshed.ts";
import { COMMAND_TYPES, type CommandType } from "./commands.ts";
import type { Folded } from "./fold.ts";
import {
  DECLINE_REASONS,
  type DeclineReason,
  ORDER_STATUSES,
  type OrderStatus,
  PAYMENT_MS,
} from "./model.ts";
import { countUnpaid, selectFirstUnpaid } from "./orders-table.ts";

/** @returns a function that counts projected commands. */
export function createMetrics({
  database,
  metrics,
  logger,
}: Pick<DomainContext, "database" | "metrics" | "logger">): (added: readonly Folded[]) => void {
  const decided = new Map<CommandType, { succeeded: number; declined: number }>(
    COMMAND_TYPES.map((type) => [type, { succeeded: 0, declined: 0 }]),
  );
  const declined = new Map<DeclineReason, number>(DECLINE_REASONS.map((reason) => [reason, 0]));
  const changed = new Map<OrderStatus, number>(ORDER_STATUSES.map((status) => [status, 0]));
  let expired = 0;
  metrics.counter(
    "waybill_loms_commands_total",
    "Commands that this process decided.",
    ["type", "status"],
    () =>
      [...decided].flatMap(([type, counts]) =>
        Object.entries(counts).map(([status, value]) => ({ value, labels: { type, status } })),
      ),
  );
  metrics.counter("waybill_loms_declines_total", "Declined commands, by the rule.", ["reason"], () =>
    [...declined].map(([reason, value]) => ({ value, labels: { reason } })),
  );
  metrics.counter("waybill_loms_changes_total", "Changes of orders, by the new status.", ["status"], () =>
    [...changed].map(([status, value]) => ({ value, labels: { status } })),
  );
  metrics.counter(
    "waybill_loms_expired_orders_total",
    "Orders cancelled because they were not payed in time.",
    [],
    () => [{ value: expired }],
  );
  const unpaid = refreshed(async () => {
    const first = await selectFirstUnpaid(database);
    return { orders: first ? await countUnpaid(database) : 0, first };
  }, logger);
  metrics.gauge("waybill_loms_unpaid_orders", "Orders that await payment.", [], () => {
    const read = unpaid();
    return read ? [{ value: read.orders }] : [];
  });
  metrics.gauge(
    "waybill_loms_overdue_seconds",
    "Seconds by which the oldest unpaid order is past its time for payment; 0 if none is.",
    [],
    () => {
      const read = unpaid();
      if (!read) return [];
      const overdueMs = read.first ? Date.now() - read.first.getTime() - PAYMENT_MS : 0;
      return [{ value: Math.max(0, overdueMs / 1000) }];
    },
  );
  return (added) => {
    for (const { decided: one, changes, expired: count } of added) {
      const counts = decided.get(one.type);
      if (counts) counts[one.reason === undefined ? "succeeded" : "declined"] += 1;
      if (one.reason !== undefined) declined.set(one.reason, (declined.get(one.reason) ?? 0) + 1);
      for (const { status } of changes) changed.set(status, (changed.get(status) ?? 0) + 1);
      expired += count;
    }
  };
}
