/**
 * Waits for what a domain decided about a command. A decision that this process makes is kept for its callers as it is
 * made; one that another process made is read, in one query for all who wait meanwhile. Nothing is asked again and again.
 *
 * @typeParam Command what was asked for. It has an id, under which the domain decides once.
 * @typeParam Decision what its callers are told.
 */
import type { DomainContext } from "./domain.ts";
import { BuriedError, KeyReusedError } from "./errors.ts";
import { type CommandForm, FirstCommands } from "./first-commands.ts";

export type DecisionsOptions<Command extends object, Decision> = Readonly<{
  context: Pick<DomainContext, "database" | "settled">;
  form: CommandForm<Command>;
  /** Reads the decisions at positions, by their positions. */
  read: (positions: readonly bigint[]) => Promise<Map<bigint, Decision>>;
  /** Where the first command under the id of this one was decided; undefined if none was. */
  firstOf: (command: Command) => Promise<bigint | undefined>;
}>;

export class Decisions<Command extends object, Decision> {
  readonly #options: DecisionsOptions<Command, Decision>;
  /** Positions for which callers wait, with the decision as soon as it is made here. */
  readonly #awaited = new Map<bigint, { callers: number; decision?: Decision }>();
  /** Positions to be read next, the reading that takes them along, and the one that is under way. */
  #wanted = new Set<bigint>();
  #next: Promise<Map<bigint, Decision>> | undefined;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(options: DecisionsOptions<Command, Decision>) {
    this.#options = options;
  }

  /** This process made a decision and committed it. @param decision is called only if somebody waits for it. */
  made(position: bigint, decision: () => Decision): void {
    const awaited = this.#awaited.get(position);
    if (awaited) awaited.decision = decision();
  }

  /**
   * @returns undefined if the command is not decided when the signal aborts.
   * @throws KeyReusedError if another command with its id was decided before; BuriedError if the code failed on it.
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

  /** The decision at a position; undefined if there is none. */
  async read(position: bigint): Promise<Decision | undefined> {
    this.#wanted.add(position);
    this.#next ??= this.#underWay.then(() => this.#readWanted());
    return (await this.#next).get(position);
  }

  #readWanted(): Promise<Map<bigint, Decision>> {
    const reading = this.#options.read([...this.#wanted]);
    this.#wanted = new Set();
    this.#next = undefined;
    this.#underWay = reading.catch(() => {});
    return reading;
  }

  /** The id may have come over a broker before: then that command was decided, and this one repeats or contradicts it. */
  async #firstWithItsId(command: Command, position: bigint): Promise<Decision | undefined> {
    const { context, form, firstOf } = this.#options;
    const first = await firstOf(command);
    if (first === undefined) throw new BuriedError(position);
    const commands = await FirstCommands.load(context.database, [first], form);
    if (commands.isSame(first, command)) return this.read(first);
    throw new KeyReusedError("this Idempotency-Key came with another command before");
  }
}
