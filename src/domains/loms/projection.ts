/**
 * Projects a batch: load all orders, stocks and commands that it names with one query per table, fold the commands in
 * memory, write each changed row once. The only lock is the engine's on the checkpoint, so a hot SKU costs one row version
 * per batch.
 */
import { isRejection } from "../../contract/command-shapes.ts";
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import { FirstCommands } from "../../contract/first-commands.ts";
import type { InboxRow } from "../../contract/message.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction } from "../../database/transaction.ts";
import { copyChanges } from "./changes-table.ts";
import { type Command, nameOf, parseCommand } from "./commands.ts";
import { copyCommands, selectCommands } from "./commands-table.ts";
import { eventsOf } from "./events.ts";
import { type Folded, fold } from "./fold.ts";
import { selectFrame } from "./frame-table.ts";
import { PAYMENT_MS } from "./model.ts";
import { copyOrders, selectOrders, updateOrders } from "./orders-table.ts";
import { LomsState } from "./state.ts";
import { selectStocks, upsertStocks } from "./stocks-table.ts";

export class LomsProjection implements Projection<Folded> {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Folded>> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseCommand(payload));
    const commands = parsed.filter((one): one is Command => !isRejection(one));
    const state = new LomsState();
    const receivedAtMs = batch.map((row) => Math.floor(row.receivedAtMs));
    await load(state, commands, Math.max(...receivedAtMs), transaction);
    const positions = commands.flatMap((command) => state.command(nameOf(command))?.position ?? []);
    const firsts = await FirstCommands.load(transaction, positions, { parse: parseCommand });

    const folded: Folded[] = [];
    const outcomes = batch.map((row, index): Outcome => {
      const command = parsed[index] as Command | Rejection;
      if (isRejection(command)) return { kind: "dead", rejection: command };
      const { position } = row;
      const first = state.command(nameOf(command));
      if (first) return firsts.repeat(first.position, command, position);
      folded.push(fold(state, { position, receivedAtMs: receivedAtMs[index] as number, command }));
      firsts.add(position, command);
      return PROJECTED;
    });

    await write(state, folded, transaction);
    return { outcomes, added: folded, events: folded.flatMap(eventsOf) };
  }
}

/** Loads what the commands name, and the orders that expire before the last of them. */
async function load(
  state: LomsState,
  commands: readonly Command[],
  untilMs: number,
  transaction: Transaction,
): Promise<void> {
  const { nowMs, lastOrder, nextDueMs } = await selectFrame(transaction);
  const named = new Set<bigint>();
  const skus = new Set<number>();
  for (const command of commands) {
    if ("order" in command) named.add(BigInt(command.order));
    if (command.type === "stock.put") skus.add(command.sku);
    if (command.type === "order.create") for (const { sku } of command.items) skus.add(sku);
  }
  const isSomeDue = nextDueMs !== undefined && nextDueMs <= untilMs;
  const orders = await selectOrders(transaction, [...named], isSomeDue ? untilMs - PAYMENT_MS : undefined);
  for (const { sku } of orders.flatMap(({ items }) => items)) skus.add(sku);
  const names = new Set(commands.map(nameOf));
  state.load({
    nowMs,
    lastOrder,
    orders,
    stocks: await selectStocks(transaction, [...skus]),
    commands: await selectCommands(transaction, [...names]),
  });
}

async function write(state: LomsState, folded: readonly Folded[], transaction: Transaction): Promise<void> {
  await copyCommands(
    transaction,
    folded.map(({ decided }) => decided),
  );
  const { newOrders, oldOrders, stocks } = state.changed;
  await copyOrders(transaction, newOrders);
  await updateOrders(transaction, oldOrders);
  await upsertStocks(transaction, stocks);
  await copyChanges(
    transaction,
    folded.flatMap(({ changes }) => changes),
  );
}
