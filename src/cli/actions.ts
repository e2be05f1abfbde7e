/** `waybill actions`: what operators did. */
import { ACTIONS } from "../deadletter/actions/actions-table.ts";
import type { ActionsDocument } from "../deadletter/actions/list.ts";
import { Command, exits, integer, JSON_HELP, Option, position } from "./command.ts";
import { domainOption } from "./domains.ts";
import { withDesk } from "./open-desk.ts";
import { print, printJson, tableOf } from "./print.ts";

export function actionsCommand() {
  return new Command("actions")
    .description("List what operators did, newest first. A bulk action is one line.")
    .option("--author <name>", "actions of this author")
    .addOption(new Option("--action <action>", "kind of action").choices(ACTIONS))
    .option("--position <position>", "actions on this message, also by bulk actions", position)
    .addOption(domainOption("actions on messages of this domain"))
    .option("--since <time>", "at or after this date or date-time")
    .option("--until <time>", "before this date or date-time")
    .option("--limit <number>", "maximum results", integer(1, 500), 50)
    .option("--before <cursor>", "older ones than the page before, which printed it")
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ limit, before, json, position: at, ...texts }) => {
        const filter = { ...texts, ...(at === undefined ? {} : { position: String(at) }) };
        const page = await withDesk((desk) => desk.actions(filter, limit, before));
        if (json) printJson(page);
        else print(textOf(page));
        return 0;
      }),
    );
}

function textOf({ actions, next }: ActionsDocument): string {
  if (actions.length === 0) return "No actions match.";
  const rows = actions.map((action) => [
    action.at,
    `${action.author ?? "unnamed"}${action.is_verified ? "" : " (not verified)"}`,
    action.action,
    action.domain,
    action.source ??
      (action.ordinal === undefined ? action.position : `${action.position}/${action.ordinal}`),
    action.redrive_position,
    action.bulk_redrive ?? action.bulk_decision,
    action.reason,
  ]);
  const heads = ["TIME", "AUTHOR", "ACTION", "DOMAIN", "POSITION OR SOURCE", "REDRIVEN AS", "BULK", "REASON"];
  return tableOf(heads, rows) + (next === null ? "" : `\n\nOlder: --before ${next}`);
}
