/** `waybill outbox …`: pending events, and decisions about events that a broker refuses. */
import { userInfo } from "node:os";
import { loadConfig } from "../config/config.ts";
import { type } from "../config/types.ts";
import { Database } from "../database/database.ts";
import { decisionType } from "../deadletter/repair/requests.ts";
import { DOMAINS } from "../domains/index.ts";
import { OutboxDesk, type OutboxDocument } from "../outbox/outbox-desk.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Command, exits, InvalidArgumentError, integer, JSON_HELP, position } from "./command.ts";
import { domainOption } from "./domains.ts";
import { print, printJson, tableOf } from "./print.ts";

export function outboxCommand() {
  return new Command("outbox")
    .description("Inspect pending events; release or discard those that the broker refuses.")
    .addCommand(list())
    .addCommand(decide("release", "Retry a refused event, then send those behind it."))
    .addCommand(decide("discard", "Remove a refused event for good, then send those behind it."))
    .addHelpText("after", "\nExit status: 0 done; 1 failed; 2 bad usage or configuration.");
}

function list() {
  return new Command("list")
    .description("List pending and refused events.")
    .addOption(domainOption("events of this domain"))
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ domain, json }) => {
        const outbox = await withDesk((desk) => desk.show(domain));
        if (json) printJson(outbox);
        else print(textOf(outbox));
        return 0;
      }),
    );
}

function decide(action: "release" | "discard", description: string) {
  return new Command(action)
    .description(description)
    .argument("<position>", "position of the message that caused the event", position)
    .argument("[ordinal]", "number of the event among those of the position", integer(0, 2 ** 31 - 1), 0)
    .option("--author <name>", "your name (default: your login)", operatorText("author"))
    .requiredOption("--reason <text>", "reason", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, place, { author = userInfo().username, reason, json }) => {
        const decided = await withDesk((desk) =>
          desk[action]({ position: at, ordinal: place }, { author, reason }),
        );
        if (json) printJson(decided);
        else print(`Event ${decided.position}/${decided.ordinal} of ${decided.domain} is ${decided.state}.`);
        return 0;
      }),
    );
}

async function withDesk<T>(use: (desk: OutboxDesk) => Promise<T>): Promise<T> {
  const { databaseUrl } = loadConfig(DOMAINS);
  const database = new Database(databaseUrl, { connectionsMax: 2, logger: createLogger("silent") });
  try {
    // The relay notices a released event within a second.
    return await use(new OutboxDesk({ database, domains: DOMAINS.map(({ name }) => name) }));
  } finally {
    await database.close();
  }
}

function textOf({ domains, refusals }: OutboxDocument): string {
  const waiting = tableOf(
    ["DOMAIN", "PENDING", "OLDEST (S)", "HELD BACK"],
    domains.map(({ domain, pending, oldest_seconds, held }) => [
      domain,
      pending,
      Math.round(oldest_seconds),
      held,
    ]),
  );
  if (refusals.length === 0) return `${waiting}\n\nThe broker refuses no event.`;
  const refused = tableOf(
    ["DOMAIN", "POSITION", "ORDINAL", "TOPIC", "REASON", "STATE", "SINCE"],
    refusals.map(({ domain, position: at, ordinal: place, topic, reason, state, since }) => [
      domain,
      at,
      place,
      topic,
      reason,
      state,
      since,
    ]),
  );
  return `${waiting}\n\n${refused}`;
}

/** Checked by the rule of the HTTP routes. */
function operatorText(name: "author" | "reason") {
  return (text: string): string => {
    const read = decisionType.get(name)(text);
    if (read instanceof type.errors) throw new InvalidArgumentError(`It must be ${read[0]?.expected}.`);
    return read;
  };
}
