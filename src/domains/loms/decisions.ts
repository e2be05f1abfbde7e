/** Decisions for callers who wait for them. */
import { Decisions } from "../../contract/decisions.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { type Command, nameOf, parseCommand } from "./commands.ts";
import { selectCommands, selectCommandsAt } from "./commands-table.ts";
import type { Decided } from "./model.ts";

export type LomsDecisions = Decisions<Command, Decided>;

export function lomsDecisions(context: Pick<DomainContext, "database" | "settled">): LomsDecisions {
  const { database } = context;
  return new Decisions({
    context,
    form: { parse: parseCommand },
    read: (positions) => selectCommandsAt(database, positions),
    firstOf: async (command) => (await selectCommands(database, [nameOf(command)]))[0]?.position,
  });
}
