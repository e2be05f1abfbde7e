/**
 * Compares commands that share an id: the first one is decided, an equal one is its duplicate, and a different one is a
 * conflict. First commands are read from the inbox, so no table stores them twice.
 */
import type { Queryable } from "../database/queryable.ts";
import { isSameCommand } from "./command-shapes.ts";
import type { Outcome } from "./domain.ts";
import { selectPayloads } from "./payloads-table.ts";
import { conflict, type Rejection } from "./rejection.ts";

export type CommandForm<Command extends object> = Readonly<{
  parse: (payload: Buffer) => Command | Rejection;
  /** Whether two commands ask for the same; by default all members count. */
  isSame?: (first: Command, second: Command) => boolean;
}>;

export class FirstCommands<Command extends object> {
  readonly #form: CommandForm<Command>;
  readonly #commands: Map<bigint, Command>;

  private constructor(form: CommandForm<Command>, commands: Map<bigint, Command>) {
    this.#form = form;
    this.#commands = commands;
  }

  /** @param positions of first commands. */
  static async load<Command extends object>(
    database: Queryable,
    positions: Iterable<bigint>,
    form: CommandForm<Command>,
  ): Promise<FirstCommands<Command>> {
    const payloads = await selectPayloads(database, [...new Set(positions)]);
    const commands = [...payloads].map(
      ([position, payload]) => [position, form.parse(payload) as Command] as const,
    );
    return new FirstCommands(form, new Map(commands));
  }

  add(position: bigint, command: Command): void {
    this.#commands.set(position, command);
  }

  isSame(first: bigint, command: Command): boolean {
    const { isSame = isSameCommand } = this.#form;
    return isSame(this.#commands.get(first) as Command, command);
  }

  repeat(first: bigint, command: Command, position: bigint): Outcome {
    return this.isSame(first, command)
      ? { kind: "duplicate", originalPosition: first }
      : { kind: "dead", rejection: conflict("/id", first, position) };
  }
}
