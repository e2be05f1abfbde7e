/** Projects commands: loads each table with one query, folds the batch in memory, and writes each changed row once. */
import { isRejection } from "../../contract/command-shapes.ts";
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import { FirstCommands } from "../../contract/first-commands.ts";
import type { InboxRow } from "../../contract/message.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction } from "../../database/transaction.ts";
import { insertFrozenItems, selectCheckoutsOf, upsertCheckouts } from "./checkouts-table.ts";
import { COMMAND_FORM, type Command, parseCommand } from "./commands.ts";
import { insertDecided, selectDecided } from "./commands-table.ts";
import { fold } from "./fold.ts";
import { deleteItems, selectItems, upsertItems } from "./items-table.ts";
import type { Decided } from "./model.ts";
import { CartState } from "./state.ts";

export class CartProjection implements Projection<Decided> {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<Decided>> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseCommand(payload));
    const commands = parsed.filter((one): one is Command => !isRejection(one));
    const state = await load(commands, transaction);
    const positions = commands.flatMap(({ id }) => state.decided(id)?.position ?? []);
    const firsts = await FirstCommands.load(transaction, positions, COMMAND_FORM);

    const added: Decided[] = [];
    const outcomes = batch.map(({ position }, index): Outcome => {
      const command = parsed[index] as Command | Rejection;
      if (isRejection(command)) return { kind: "dead", rejection: command };
      const first = state.decided(command.id);
      if (first) return firsts.repeat(first.position, command, position);
      added.push(fold(state, position, command));
      firsts.add(position, command);
      return PROJECTED;
    });

    await write(state, added, transaction);
    return { outcomes, added };
  }
}

async function load(commands: readonly Command[], transaction: Transaction): Promise<CartState> {
  const users = [...new Set(commands.map(({ user }) => user))];
  const ids = [...new Set(commands.map(({ id }) => id))];
  const named = commands.flatMap((command) => ("checkout" in command ? [command.checkout] : []));
  const state = new CartState();
  state.load({
    items: await selectItems(transaction, users),
    checkouts: await selectCheckoutsOf(transaction, users, [...new Set(named)]),
    decided: await selectDecided(transaction, ids),
  });
  return state;
}

async function write(state: CartState, added: readonly Decided[], transaction: Transaction): Promise<void> {
  const { items, checkouts, frozen } = state.changed;
  await insertDecided(transaction, added);
  await upsertItems(
    transaction,
    items.filter(({ count }) => count > 0),
  );
  await deleteItems(
    transaction,
    items.filter(({ count }) => count === 0),
  );
  await upsertCheckouts(transaction, checkouts);
  await insertFrozenItems(transaction, frozen);
}
