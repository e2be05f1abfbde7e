/** Names no account, only the load of the busiest. */
import type { DomainContext } from "../../contract/domain.ts";
import { refreshed } from "../../contract/refreshed.ts";
import { COMMAND_TYPES, type CommandType, SYSTEM_OWNER } from "./commands.ts";
import type { Folded } from "./fold.ts";
import { countOpenHolds } from "./holds-table.ts";
import { DECLINE_REASONS, type DeclineReason } from "./model.ts";

export type WalletMetrics = Readonly<{
  projected: (added: readonly Folded[]) => void;
  /** In seconds. */
  answered: (seconds: number, labels: Readonly<{ status: AnswerStatus }>) => void;
}>;

export type AnswerStatus = "succeeded" | "declined" | "pending";

export function createMetrics({
  database,
  metrics,
  logger,
}: Pick<DomainContext, "database" | "metrics" | "logger">): WalletMetrics {
  const decided = new Map<CommandType, { succeeded: number; declined: number }>(
    COMMAND_TYPES.map((type) => [type, { succeeded: 0, declined: 0 }]),
  );
  const declined = new Map<DeclineReason, number>(DECLINE_REASONS.map((reason) => [reason, 0]));
  let postings = 0;
  let busiest = 0;
  metrics.counter(
    "waybill_wallet_commands_total",
    "Commands decided by this process.",
    ["type", "status"],
    () =>
      [...decided].flatMap(([type, counts]) =>
        Object.entries(counts).map(([status, value]) => ({ value, labels: { type, status } })),
      ),
  );
  metrics.counter("waybill_wallet_declines_total", "Declined commands, by reason.", ["reason"], () =>
    [...declined].map(([reason, value]) => ({ value, labels: { reason } })),
  );
  metrics.counter("waybill_wallet_postings_total", "Postings on users' accounts.", [], () => [
    { value: postings },
  ]);
  metrics.counter(
    "waybill_wallet_busiest_account_postings_total",
    "Postings on the busiest account of each batch, summed over the batches.",
    [],
    () => [{ value: busiest }],
  );
  const openHolds = refreshed(() => countOpenHolds(database), logger);
  metrics.gauge("waybill_wallet_open_holds", "Open holds.", [], () => {
    const count = openHolds();
    return count === undefined ? [] : [{ value: count }];
  });
  return {
    projected: (added) => {
      for (const { transaction } of added) {
        const { type, reason } = transaction;
        const counts = decided.get(type);
        if (counts) counts[reason === undefined ? "succeeded" : "declined"] += 1;
        if (reason !== undefined) declined.set(reason, (declined.get(reason) ?? 0) + 1);
      }
      const byAccount = new Map<string, number>();
      for (const { owner, currency } of added.flatMap((folded) => folded.postings)) {
        if (owner === SYSTEM_OWNER) continue;
        postings += 1;
        const account = `${owner}/${currency}`;
        byAccount.set(account, (byAccount.get(account) ?? 0) + 1);
      }
      busiest += [...byAccount.values()].reduce((most, count) => Math.max(most, count), 0);
    },
    answered: metrics.seconds("waybill_wallet_answer_seconds", "From an HTTP command to its decision.", [
      "status",
    ]),
  };
}
