/** `waybill sources`, `waybill pause` and `waybill resume`: which sources are paused, and changing that. */
import { userInfo } from "node:os";
import { loadConfig } from "../config/config.ts";
import { SOURCE_NAMES } from "../config/sources.ts";
import { Database } from "../database/database.ts";
import { DOMAINS } from "../domains/index.ts";
import { PauseDesk, type SourceState } from "../inbox/pauses/pause-desk.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Command, exits, JSON_HELP, Option } from "./command.ts";
import { operatorText } from "./deadletters-options.ts";
import { print, printJson, tableOf } from "./print.ts";

export function sourcesCommand() {
  return new Command("sources")
    .description("List the sources of DOMAINS and SOURCES, and who paused them.")
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ json }) => {
        const { sources, actions } = await withDesk(placesOf({}), (desk) => desk.show());
        if (json) printJson({ sources, actions });
        else print(textOf(sources));
        return 0;
      }),
    );
}

export function pauseCommand() {
  return change("pause", "Stop receiving from sources, in every process and over restarts, until `resume`.");
}

export function resumeCommand() {
  return change("resume", "Receive again from paused sources, from where each stopped.");
}

function change(action: "pause" | "resume", description: string) {
  return new Command(action)
    .description(description)
    .addOption(new Option("--domain <domain>", "default: those of DOMAINS").choices(DOMAIN_NAMES))
    .addOption(new Option("--source <source>", "default: those of SOURCES").choices(SOURCE_NAMES))
    .option("--author <name>", "your name (default: your login)", operatorText("author"))
    .requiredOption("--reason <text>", "reason", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ domain, source, author = userInfo().username, reason, json }) => {
        const places = placesOf({ domain, source });
        const sources = await withDesk(places, async (desk) => {
          const states: SourceState[] = [];
          for (const place of places) states.push(await desk.act(action, place, { author, reason }));
          return states;
        });
        if (json) printJson({ sources });
        else print(textOf(sources));
        return 0;
      }),
    );
}

type Choice = Readonly<{ domain?: string | undefined; source?: string | undefined }>;

function placesOf({ domain, source }: Choice) {
  const config = loadConfig(DOMAINS);
  const domains = domain === undefined ? config.domains.map(({ name }) => name) : [domain];
  const sources = source === undefined ? config.sources : [source];
  return domains.flatMap((name) => sources.map((sourceName) => ({ domain: name, source: sourceName })));
}

async function withDesk<T>(
  places: ReturnType<typeof placesOf>,
  use: (desk: PauseDesk) => Promise<T>,
): Promise<T> {
  const { databaseUrl } = loadConfig(DOMAINS);
  const database = new Database(databaseUrl, { connectionsMax: 2, logger: createLogger("silent") });
  try {
    // Running processes notice the change within a second.
    return await use(new PauseDesk({ database, places }));
  } finally {
    await database.close();
  }
}

function textOf(sources: readonly SourceState[]): string {
  return tableOf(
    ["DOMAIN", "SOURCE", "STATE", "AUTHOR", "REASON", "SINCE"],
    sources.map(({ domain, source, paused }) => [
      domain,
      source,
      paused ? "paused" : "running",
      paused?.author ?? "",
      paused?.reason ?? "",
      paused?.since ?? "",
    ]),
  );
}

const DOMAIN_NAMES = DOMAINS.map(({ name }) => name);
