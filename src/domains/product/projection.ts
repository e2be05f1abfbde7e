/** The first command with an id counts, and the last one for a SKU. */
import { isRejection } from "../../contract/command-shapes.ts";
import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import { FirstCommands } from "../../contract/first-commands.ts";
import type { InboxRow } from "../../contract/message.ts";
import type { Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import type { Transaction } from "../../database/transaction.ts";
import { type Command, parseCommand } from "./commands.ts";
import { insertCommands, selectCommands } from "./commands-table.ts";
import { type Product, upsertProducts } from "./products-table.ts";

type Taken = Readonly<{ position: bigint; command: Command }>;

export class ProductProjection implements Projection {
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseCommand(payload));
    const ids = parsed.flatMap((command) => (isRejection(command) ? [] : [command.id]));
    const taken = await selectCommands(transaction, [...new Set(ids)]);
    const firsts = await FirstCommands.load(transaction, taken.values(), { parse: parseCommand });
    const added: Taken[] = [];
    const outcomes = batch.map(({ position }, index): Outcome => {
      const command = parsed[index] as Command | Rejection;
      if (isRejection(command)) return { kind: "dead", rejection: command };
      const first = taken.get(command.id);
      if (first !== undefined) return firsts.repeat(first, command, position);
      taken.set(command.id, position);
      firsts.add(position, command);
      added.push({ position, command });
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

function lastOfEachSku(added: readonly Taken[]): Product[] {
  const products = new Map<number, Product>();
  for (const { position, command } of added) {
    const { sku, name, price } = command;
    products.set(sku, { sku, name, price, position });
  }
  return [...products.values()];
}
