/**
 * Waits for the decision on a command. A decision that this process makes is kept for its callers as it is made; one that
 * another process made is read, in one query for all who wait meanwhile. Nothing is asked again and again.
 */
import type { DomainContext } from "../../contract/domain.ts";
import { BuriedError, KeyReusedError } from "../../contract/errors.ts";
import { type Command, isSameCommand, ownerOf, parseCommand } from "./commands.ts";
import type { Folded } from "./fold.ts";
import { type Receipt, selectReceipts } from "./receipts-table.ts";
import { selectPayloads, selectTransactions } from "./transactions-table.ts";

export class Decisions {
  readonly #context: Pick<DomainContext, "database" | "settled">;
  /** Positions for which callers wait, with the decision as soon as it is made here. */
  readonly #awaited = new Map<bigint, { callers: number; receipt?: Receipt }>();
  /** Positions to be read next, the reading that takes them along, and the one that is under way. */
  #wanted = new Set<bigint>();
  #next: Promise<Map<bigint, Receipt>> | undefined;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(context: Pick<DomainContext, "database" | "settled">) {
    this.#context = context;
  }

  /** Decisions that this process made, committed. */
  projected(added: readonly Folded[]): void {
    if (this.#awaited.size === 0) return;
    for (const { transaction, currency, balances } of added) {
      const awaited = this.#awaited.get(transaction.position);
      if (awaited) awaited.receipt = { transaction, exponent: currency?.exponent, balances };
    }
  }

  /**
   * @returns undefined if the command is not decided when the signal aborts.
   * @throws KeyReusedError if another command with its id was decided before; BuriedError if the code failed on it.
   */
  async of(command: Command, position: bigint, signal: AbortSignal): Promise<Receipt | undefined> {
    const awaited = this.#awaited.get(position) ?? { callers: 0 };
    this.#awaited.set(position, awaited);
    awaited.callers += 1;
    try {
      const outcome = await this.#context.settled(position, signal);
      if (outcome === "pending") return undefined;
      if (outcome === "projected") return awaited.receipt ?? (await this.read(position));
      return await this.#firstWithItsId(command, position);
    } finally {
      awaited.callers -= 1;
      if (awaited.callers === 0) this.#awaited.delete(position);
    }
  }

  /** The decision at a position; undefined if there is none. */
  async read(position: bigint): Promise<Receipt | undefined> {
    this.#wanted.add(position);
    this.#next ??= this.#underWay.then(() => this.#readWanted());
    return (await this.#next).get(position);
  }

  #readWanted(): Promise<Map<bigint, Receipt>> {
    const reading = selectReceipts(this.#context.database, [...this.#wanted]);
    this.#wanted = new Set();
    this.#next = undefined;
    this.#underWay = reading.catch(() => {});
    return reading;
  }

  /** The id may have come over a broker before: then that command was decided, and this one repeats or contradicts it. */
  async #firstWithItsId(command: Command, position: bigint): Promise<Receipt | undefined> {
    const { database } = this.#context;
    const [first] = await selectTransactions(database, [{ owner: ownerOf(command), id: command.id }]);
    if (!first) throw new BuriedError(position);
    const payload = (await selectPayloads(database, [first.position])).get(first.position) as Buffer;
    if (isSameCommand(parseCommand(payload) as Command, command)) return this.read(first.position);
    throw new KeyReusedError("this Idempotency-Key came with another command before");
  }
}
