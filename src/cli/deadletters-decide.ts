/** `waybill deadletters discard` and `restore`. */
import { InvalidInputError } from "../contract/errors.ts";
import { type DeadLetterFilter, readFilter } from "../deadletter/find/filter.ts";
import { bulkLimits } from "../deadletter/repair/requests.ts";
import { exits, integer, JSON_HELP, position } from "./command.ts";
import {
  AUTHOR_HELP,
  type Decision,
  decided,
  filtered,
  type Json,
  LIMIT_HELP,
  operatorText,
  requireOneChoice,
  show,
  watch,
} from "./deadletters-options.ts";
import { decisionLine } from "./deadletters-text.ts";
import { withDesk } from "./open-desk.ts";
import { Progress } from "./progress.ts";

export function decideCommand(action: "discard" | "restore", verb: string, description: string) {
  const { least, most, fallback } = bulkLimits;
  return filtered(action, description)
    .argument("[position]", "position of the dead letter; otherwise use a filter or --all", position)
    .option("--all", "all dead letters in the state that the command starts from")
    .option("--yes", "required with a filter or --all; without it the command counts the letters")
    .option("--limit <number>", LIMIT_HELP, integer(least, most), fallback)
    .option("--detach", "do not wait until all are done")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { all, yes, limit, detach, author, reason, json, ...texts }) => {
        const filter = readFilter(texts);
        requireOneChoice(action, at, filter, all);
        if (at !== undefined) {
          const decision = decided({ author, reason });
          const done = await withDesk(async (desk) => desk[action](at, decision));
          return show(json, done, () => `Done: position ${done.position} is ${done.state}.`);
        }
        if (!yes) {
          const { letters } = await withDesk((desk) => desk.decisions.count(action, filter, limit));
          throw new InvalidInputError("yes", `${letters} dead letters match; add --yes to ${action} them`);
        }
        return await decideMany(action, verb, filter, limit, decided({ author, reason }), detach, json);
      }),
    );
}

async function decideMany(
  action: "discard" | "restore",
  verb: string,
  filter: DeadLetterFilter,
  limit: number,
  decision: Decision,
  detach: true | undefined,
  json: Json,
): Promise<number> {
  using progress = new Progress({ json });
  const bulk = await withDesk(
    async (desk) => {
      const begun = await desk.decisions.begin(action, filter, limit, decision);
      if (detach) return begun;
      return watch(
        begun,
        (id) => desk.decisions.show(id),
        ({ decided: done, skipped, letters }, note) =>
          progress.show(`${verb.toLowerCase()}ing`, { done: done + skipped, total: letters, note }),
      );
    },
    { appends: true },
  );
  progress.end();
  show(json, bulk, () => decisionLine(bulk));
  return bulk.status === "finished" || detach ? 0 : 1;
}
