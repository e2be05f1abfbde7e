/**
 * Waits for a domain's decision about a command. Decisions of this process are handed over in memory; those of other
 * processes are read by one query at a time for all waiting callers.
 */
import type { DomainContext } from "./domain.ts";
import { BuriedError, KeyReusedError } from "./errors.ts";
import { type CommandForm, FirstCommands } from "./first-commands.ts";

export type DecisionsOptions<Command extends object, Decision> = Readonly<{
  context: Pick<DomainContext, "database" | "settled">;
  form: CommandForm<Command>;
  read: (positions: readonly bigint[]) => Promise<Map<bigint, Decision>>;
  /** The position of the decided command with this id. */
  firstOf: (command: Command) => Promise<bigint | undefined>;
}>;

export class Decisions<Command extends object, Decision> {
  readonly #options: DecisionsOptions<Command, Decision>;
  /** Positions that callers wait for. */
  readonly #awaited = new Map<bigint, { callers: number; decision?: Decision }>();
  /** Positions for the next query, that query, and the query in flight. */
  #wanted = new Set<bigint>();
  #next: Promise<Map<bigint, Decision>> | undefined;
  #inFlight: Promise<unknown> = Promise.resolve();

  constructor(options: DecisionsOptions<Command, Decision>) {
    this.#options = options;
  }

  /** @param decision called only if a caller waits for it. */
  made(position: bigint, decision: () => Decision): void {
    const awaited = this.#awaited.get(position);
    if (awaited) awaited.decision = decision();
  }

  /**
   * @returns undefined if the signal aborts first.
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

  /** The command is a duplicate, or contradicts the first one. */
  async #firstWithItsId(command: Command, position: bigint): Promise<Decision | undefined> {
    const { context, form, firstOf } = this.#options;
    const first = await firstOf(command);
    if (first === undefined) throw new BuriedError(position);
    const commands = await FirstCommands.load(context.database, [first], form);
    if (commands.isSame(first, command)) return this.read(first);
    throw new KeyReusedError("this Idempotency-Key was used for another command before");
  }
}
