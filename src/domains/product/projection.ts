/** Projects commands. An id counts once; of several commands for one SKU the last one counts. */
import { isRejection, isSameCommand } from "../../contract/command-shapes.ts";
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import { conflict, type Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction } from "../../database/transaction.ts";
import { type Command, parseCommand } from "./commands.ts";
import { insertCommands, selectCommands } from "./commands-table.ts";
import { type Product, upsertProducts } from "./products-table.ts";

/** A command that was projected. */
type Taken = Readonly<{ position: bigint; command: Command }>;

export class ProductProjection implements Projection {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseCommand(payload));
    const taken = await takenBefore(parsed, transaction);
    const added: Taken[] = [];
    const outcomes = batch.map(({ position }, index): Outcome => {
      const command = parsed[index] as Command | Rejection;
      if (isRejection(command)) return { kind: "dead", rejection: command };
      const first = taken.get(command.id);
      if (first) return compare(first, command, position);
      const one = { position, command };
      taken.set(command.id, one);
      added.push(one);
      return PROJECTED;
    });
    await insertCommands(
      transaction,
      added.map(({ position, command: { id, sku } }) => ({ position, id, sku })),
    );
    await upsertProducts(transaction, lastOfEachSku(added));
    return { outcomes };
  }
}

/** The commands of the table whose ids come again, by their ids. */
async function takenBefore(
  parsed: readonly (Command | Rejection)[],
  transaction: Transaction,
): Promise<Map<string, Taken>> {
  const ids = parsed.flatMap((command) => (isRejection(command) ? [] : [command.id]));
  const stored = await selectCommands(transaction, [...new Set(ids)]);
  return new Map(
    stored.map(({ id, position, payload }) => [id, { position, command: parseCommand(payload) as Command }]),
  );
}

function compare(first: Taken, command: Command, position: bigint): Outcome {
  return isSameCommand(first.command, command)
    ? { kind: "duplicate", originalPosition: first.position }
    : { kind: "dead", rejection: conflict("/id", first.position, position) };
}

function lastOfEachSku(added: readonly Taken[]): Product[] {
  const products = new Map<number, Product>();
  for (const { position, command } of added) {
    const { sku, name, price } = command;
    products.set(sku, { sku, name, price, position });
  }
  return [...products.values()];
}
