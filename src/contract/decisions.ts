/**
 * Waits for a domain's decision about a command. Decisions made by this process are handed over in memory; those of
 * other processes are read, with one query at a time for all waiting callers. Nothing polls.
 *
 * @typeParam Command has an id, under which the domain decides once.
 * @typeParam Decision the answer to the callers.
 */
import type { DomainContext } from "./domain.ts";
import { BuriedError, KeyReusedError } from "./errors.ts";
import { type CommandForm, FirstCommands } from "./first-commands.ts";

export type DecisionsOptions<Command extends object, Decision> = Readonly<{
  context: Pick<DomainContext, "database" | "settled">;
  form: CommandForm<Command>;
  /** The decisions at these positions. */
  read: (positions: readonly bigint[]) => Promise<Map<bigint, Decision>>;
  /** The position at which the first command with this command's id was decided; undefined if there is none. */
  firstOf: (command: Command) => Promise<bigint | undefined>;
}>;

export class Decisions<Command extends object, Decision> {
  readonly #options: DecisionsOptions<Command, Decision>;
  /** Positions that callers wait for, with the decision once this process made it. */
  readonly #awaited = new Map<bigint, { callers: number; decision?: Decision }>();
  /** Positions for the next query, that query, and the query in flight. */
  #wanted = new Set<bigint>();
  #next: Promise<Map<bigint, Decision>> | undefined;
  #inFlight: Promise<unknown> = Promise.resolve();

  constructor(options: DecisionsOptions<Command, Decision>) {
    this.#options = options;
  }

  /** Reports a decision that this process committed. @param decision called only if a caller waits for it. */
  made(position: bigint, decision: () => Decision): void {
    const awaited = this.#awaited.get(position);
    if (awaited) awaited.decision = decision();
  }

  /**
   * @returns undefined if the signal aborts before the command is decided.
   * @throws KeyReusedError if the id belongs to another command; BuriedError if the projection failed on this one.
   */
  async of(command: Command, position: bigint, signal: AbortSignal): Promise<Decision | undefined> {
    const awaited = this.#awaited.get(position) ?? { callers: 0 };
    this.#awaited.set(position, awaited);
    awaited.callers += 1;
    try {
      const outcome = await this.#options.context.settled(position, signal);
      if (outcome === "pending") return undefined;
      if (outcome === "projected") return awaited.decision ?? (await this.read(position));
      return await this.#firstWithItsId(command, position);
    } finally {
      awaited.callers -= 1;
      if (awaited.callers === 0) this.#awaited.delete(position);
    }
  }

  /** @returns undefined if there is no decision at the position. */
  async read(position: bigint): Promise<Decision | undefined> {
    this.#wanted.add(position);
    this.#next ??= this.#inFlight.then(() => this.#readWanted());
    return (await this.#next).get(position);
  }

  #readWanted(): Promise<Map<bigint, Decision>> {
    const reading = this.#options.read([...this.#wanted]);
    this.#wanted = new Set();
    this.#next = undefined;
    this.#inFlight = reading.catch(() => {});
    return reading;
  }

  /** The id was decided before: this command is its duplicate or contradicts it. */
  async #firstWithItsId(command: Command, position: bigint): Promise<Decision | undefined> {
    const { context, form, firstOf } = this.#options;
    const first = await firstOf(command);
    if (first === undefined) throw new BuriedError(position);
    const commands = await FirstCommands.load(context.database, [first], form);
    if (commands.isSame(first, command)) return this.read(first);
    throw new KeyReusedError("this Idempotency-Key was used for another command before");
  }
}
