/**
 * Loms in memory, for tests of its rules: given earlier commands and one new command, compares orders' statuses and
 * stocks.
 */
import * as assert from "uvu/assert";
import { type Command, checkCommand } from "../../../src/domains/loms/commands.ts";
import { type Folded, fold } from "../../../src/domains/loms/fold.ts";
import { availableOf } from "../../../src/domains/loms/model.ts";
import { LomsState } from "../../../src/domains/loms/state.ts";

/** A command with optional id and time: seconds since the first one. */
export type Asked = { type: Command["type"]; id?: string; at?: number } & Record<string, unknown>;

/** @param items such as `{ 1002: 3 }`, or a list if one SKU occurs twice. */
export const order = (items: Record<number, number> | readonly object[], more: object = {}): Asked => ({
  type: "order.create",
  user: "31337",
  items: Array.isArray(items)
    ? items
    : Object.entries(items).map(([sku, count]) => ({ sku: Number(sku), count })),
  ...more,
});
export const pay = (id: number, more: object = {}): Asked => ({
  type: "order.pay",
  order: String(id),
  ...more,
});
export const cancel = (id: number, more: object = {}): Asked => ({
  type: "order.cancel",
  order: String(id),
  ...more,
});
export const stock = (sku: number, total: number, reserved = 0, more: object = {}): Asked => ({
  type: "stock.put",
  sku,
  total,
  reserved,
  ...more,
});
export const tick = (at: number): Asked => ({ type: "tick", at });

/** Each command must succeed. */
export function given(...commands: readonly Asked[]) {
  const loms = new LomsInMemory();
  for (const command of commands) {
    const { decided } = loms.ask(command);
    assert.is(decided.reason, undefined, `given: ${JSON.stringify(command)}`);
  }
  return { when: (command: Asked) => new Answer(loms, loms.ask(command)) };
}

/** The outcome of the last command. */
class Answer {
  readonly #loms: LomsInMemory;
  readonly #folded: Folded;

  constructor(loms: LomsInMemory, folded: Folded) {
    this.#loms = loms;
    this.#folded = folded;
  }

  /** @param changes such as `1 awaiting payment`: an order and its new status. */
  succeeds(...changes: readonly string[]): this {
    assert.is(this.#folded.decided.reason, undefined);
    assert.equal(this.#changes(), changes);
    return this;
  }

  declines(reason: string, ...changes: readonly string[]): this {
    assert.is(this.#folded.decided.reason, reason);
    assert.equal(this.#changes(), changes);
    return this;
  }

  /** @param expected total and reserved, such as `150/10`, and the available rest. */
  leaves(sku: number, expected: string, available: number): this {
    const found = this.#loms.state.stock(sku);
    assert.is(found && `${found.total}/${found.reserved}`, expected, `stock of ${sku}`);
    assert.is(found && availableOf(found), available, `available of ${sku}`);
    return this;
  }

  /** @param items such as `{ 1002: 3 }`. */
  keeps(id: number, status: string, items: Record<number, number>): this {
    const found = this.#loms.state.order(BigInt(id));
    assert.is(found?.status, status, `status of order ${id}`);
    assert.equal(
      found?.items.map(({ sku, count }) => [String(sku), count]),
      Object.entries(items),
    );
    return this;
  }

  /** Another command. */
  when(command: Asked): Answer {
    return new Answer(this.#loms, this.#loms.ask(command));
  }

  #changes(): string[] {
    return this.#folded.changes.map((change) => `${change.order} ${change.status}`);
  }
}

export class LomsInMemory {
  readonly state = new LomsState();
  #position = 0n;

  ask({ at = 0, ...asked }: Asked): Folded {
    this.#position += 1n;
    const command = checkCommand({ id: `c${this.#position}`, ...asked });
    if ("problems" in command) throw new Error(`not a command: ${JSON.stringify(command)}`);
    return fold(this.state, { position: this.#position, receivedAtMs: START_MS + at * 1000, command });
  }
}

export const START_MS = Date.UTC(2026, 0, 1);
