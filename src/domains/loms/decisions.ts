/** The decisions of loms, for callers who wait for them. */
import { isSameCommand } from "../../contract/command-shapes.ts";
import { Decisions } from "../../contract/decisions.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { type Command, nameOf, parseCommand } from "./commands.ts";
import { selectCommands, selectCommandsAt, selectPayloads } from "./commands-table.ts";
import type { Decided } from "./model.ts";

export type LomsDecisions = Decisions<Command, Decided>;

export function lomsDecisions({
  database,
  settled,
}: Pick<DomainContext, "database" | "settled">): LomsDecisions {
  return new Decisions({
    settled,
    read: (positions) => selectCommandsAt(database, positions),
    first: async (command) => {
      const [first] = await selectCommands(database, [nameOf(command)]);
      if (!first) return undefined;
      const payload = (await selectPayloads(database, [first.position])).get(first.position) as Buffer;
      return { position: first.position, isSame: isSameCommand(parseCommand(payload) as Command, command) };
    },
  });
}
