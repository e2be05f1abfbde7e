/** `waybill find TEXT`: finds messages by any identifier. */
import type { SearchDocument } from "../deadletter/search/documents.ts";
import { Command, exits, JSON_HELP } from "./command.ts";
import { domainOption } from "./domains.ts";
import { withDesk } from "./open-desk.ts";
import { print, printJson, tableOf, visible } from "./print.ts";

export function findCommand() {
  return new Command("find")
    .description(
      "Find messages by position, document id, message id, idempotency key, stream sequence, partition/offset, trace id, fingerprint or text.",
    )
    .argument("<text>", "the identifier")
    .addOption(domainOption("messages of this domain"))
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExit status: 0 found; 1 nothing found; 2 bad usage or configuration.")
    .action(
      exits(async (text, { domain, json }) => {
        const search = await withDesk((desk) => desk.messages.find(text, domain));
        if (json) printJson(search);
        else print(textOf(search));
        return search.matches.length > 0 ? 0 : 1;
      }),
    );
}

function textOf({ q, matches, has_more, looked_for, forms }: SearchDocument): string {
  if (matches.length === 0) {
    const lines = (texts: readonly string[]) => texts.map((text) => `  - ${visible(text)}`).join("\n");
    return `Nothing was found for "${visible(q)}". It was looked for as:\n${lines(looked_for)}\nIt can be:\n${lines(forms)}`;
  }
  const table = tableOf(
    ["POSITION", "MATCHED", "DOMAIN", "OUTCOME", "SOURCE", "RECEIVED", "PAGE"],
    matches.map((match) =>
      match.kind === "group"
        ? [
            "",
            match.matched.join(", "),
            match.domain,
            `${match.letters} dead letters, ${match.open} open: ${match.code}`,
            "",
            "",
            match.page,
          ]
        : [
            match.position,
            match.matched.join(", "),
            match.domain,
            match.code === undefined ? match.outcome : `${match.outcome}: ${match.code}`,
            `${match.source} ${match.channel}`,
            match.received_at,
            match.page,
          ],
    ),
  );
  return has_more ? `${table}\nThere are more matches.` : table;
}
