/**
 * One query per table loads the batch's rows, the commands are folded in memory, and each changed row is written
 * once. The only lock is the engine's on the checkpoint, so a busy account costs no more than a quiet one.
 */
import { isRejection } from "../../contract/command-shapes.ts";
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import { FirstCommands } from "../../contract/first-commands.ts";
import type { InboxRow } from "../../contract/message.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import { selectAccounts, upsertAccounts } from "./accounts-table.ts";
import { type Command, ownerOf, parseCommand, SYSTEM_OWNER } from "./commands.ts";
import { upsertCurrencies } from "./currencies-table.ts";
import { eventsOf } from "./events.ts";
import { type Folded, fold } from "./fold.ts";
import { selectFrame } from "./frame-table.ts";
import { selectHolds, upsertHolds } from "./holds-table.ts";
import { idText } from "./model.ts";
import { copyPostings } from "./postings-table.ts";
import { WalletState } from "./state.ts";
import { copyTransactions, selectReversed, selectTransactions } from "./transactions-table.ts";

export class WalletProjection implements Projection<Folded> {
  async project(batch: readonly InboxRow[], transaction: DatabaseTransaction): Promise<Projected<Folded>> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseCommand(payload));
    const commands = parsed.filter((result): result is Command => !isRejection(result));
    const state = new WalletState();
    const receivedAtMs = batch.map((row) => Math.floor(row.receivedAtMs));
    await load(state, commands, Math.max(...receivedAtMs), transaction);
    const firsts = await FirstCommands.load(transaction, decidedBefore(state, commands), {
      parse: parseCommand,
    });

    const folded: Folded[] = [];
    const outcomes = batch.map((row, index): Outcome => {
      const command = parsed[index] as Command | Rejection;
      if (isRejection(command)) return { kind: "dead", rejection: command };
      const { position } = row;
      const first = state.transaction(ownerOf(command), command.id);
      if (first) return firsts.repeat(first.position, command, position);
      folded.push(fold(state, { position, receivedAtMs: receivedAtMs[index] as number, command }));
      firsts.add(position, command);
      return PROJECTED;
    });

    await write(state, folded, transaction);
    return {
      outcomes,
      added: folded,
      events: folded.flatMap((decided) => eventsOf(decided, state.currencies)),
    };
  }
}

async function load(
  state: WalletState,
  commands: readonly Command[],
  untilMs: number,
  transaction: DatabaseTransaction,
): Promise<void> {
  const { nowMs, nextExpiryMs, currencies } = await selectFrame(transaction);
  const dueByMs = Math.max(nowMs, untilMs);
  const ids = new Map<string, { owner: string; id: string }>();
  const named = new Map<string, { owner: string; id: string }>();
  const add = (map: typeof ids, owner: string, id: string) => map.set(idText(owner, id), { owner, id });
  for (const command of commands) {
    add(ids, ownerOf(command), command.id);
    if (command.type === "reverse") add(ids, command.from ?? command.owner, command.transaction);
    if (command.type === "capture" || command.type === "release") add(named, command.owner, command.hold);
  }
  const transactions = await selectTransactions(transaction, [...ids.values()]);
  const isHoldNeeded = named.size > 0 || (nextExpiryMs !== undefined && nextExpiryMs <= dueByMs);
  const holds = isHoldNeeded ? await selectHolds(transaction, [...named.values()], dueByMs) : [];
  const isReversed = commands.some(({ type }) => type === "reverse");
  const reversed = isReversed
    ? await selectReversed(
        transaction,
        transactions.map(({ position }) => position),
      )
    : new Map();

  const accounts = new Map<string, { owner: string; currency: string }>();
  const addAccounts = (currency: string | undefined, ...owners: (string | undefined)[]) => {
    if (currency === undefined) return;
    for (const owner of [...owners, SYSTEM_OWNER])
      if (owner !== undefined) accounts.set(`${owner}/${currency}`, { owner, currency });
  };
  for (const command of commands) {
    if ("currency" in command)
      addAccounts(command.currency, command.owner, command.type === "transfer" ? command.to : undefined);
  }
  for (const { currency, owner } of holds) addAccounts(currency, owner);
  for (const { currency, owner, counterparty } of transactions) addAccounts(currency, owner, counterparty);
  state.load({
    nowMs,
    currencies,
    holds,
    transactions,
    reversed,
    accounts: await selectAccounts(transaction, [...accounts.values()]),
  });
}

/** Of earlier batches. */
function decidedBefore(state: WalletState, commands: readonly Command[]): bigint[] {
  return commands.flatMap((command) => state.transaction(ownerOf(command), command.id)?.position ?? []);
}

async function write(
  state: WalletState,
  folded: readonly Folded[],
  transaction: DatabaseTransaction,
): Promise<void> {
  await copyTransactions(
    transaction,
    folded.map((decided) => decided.transaction),
  );
  await copyPostings(
    transaction,
    folded.flatMap(({ postings }) => postings),
  );
  const { accounts, holds, currencies } = state.changed;
  await upsertAccounts(transaction, accounts);
  await upsertHolds(transaction, holds);
  await upsertCurrencies(transaction, currencies);
}
