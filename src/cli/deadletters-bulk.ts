/** `waybill deadletters redrives` and `decisions`: list bulk work, show or cancel one. */
import { InvalidInputError } from "../contract/errors.ts";
import type { Desk } from "../deadletter/desk.ts";
import { Command, exits, JSON_HELP, position } from "./command.ts";
import { AUTHOR_HELP, type Decision, decided, operatorText, show } from "./deadletters-options.ts";
import { bulkLine, bulkTable, decisionLine, decisionTable } from "./deadletters-text.ts";
import { withDesk } from "./open-desk.ts";

export function redrivesCommand() {
  return bulkCommand({
    name: "redrives",
    plural: "bulk redrives",
    singular: "a bulk redrive",
    list: (desk) => desk.bulks(),
    table: ({ redrives }) => bulkTable(redrives),
    read: (desk, id) => desk.bulk(id),
    cancel: (desk, id, decision) => desk.cancel(id, decision),
    line: bulkLine,
  });
}

export function decisionsCommand() {
  return bulkCommand({
    name: "decisions",
    plural: "bulk discards and restores",
    singular: "a bulk discard or restore",
    list: (desk) => desk.decisions.list(),
    table: ({ decisions }) => decisionTable(decisions),
    read: (desk, id) => desk.decisions.show(id),
    cancel: (desk, id, decision) => desk.decisions.cancel(id, decision),
    line: decisionLine,
  });
}

type BulkWork<List, Bulk> = Readonly<{
  name: string;
  plural: string;
  singular: string;
  list: (desk: Desk) => Promise<List>;
  table: (list: List) => string;
  read: (desk: Desk, id: bigint) => Promise<Bulk>;
  cancel: (desk: Desk, id: bigint, decision: Decision) => Promise<Bulk>;
  line: (bulk: Bulk) => string;
}>;

function bulkCommand<List extends object, Bulk extends object>(work: BulkWork<List, Bulk>) {
  const { name, plural, singular, list, table, read, line } = work;
  return new Command(name)
    .description(`List ${plural}, or show one.`)
    .argument("[id]", `id of ${singular}`, position)
    .option("--cancel", "cancel it")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required to cancel", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (id, { cancel, json, ...operator }) => {
        if (id === undefined) {
          if (cancel) throw new InvalidInputError("id", `--cancel needs the id of ${singular}`);
          const listed = await withDesk(list);
          return show(json, listed, () => table(listed));
        }
        const decision = cancel ? decided(operator) : undefined;
        const bulk = await withDesk((desk) => (decision ? work.cancel(desk, id, decision) : read(desk, id)));
        return show(json, bulk, () => line(bulk));
      }),
    );
}
