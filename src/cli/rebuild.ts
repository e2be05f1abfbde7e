/** `waybill rebuild DOMAIN`: replaces a projection by a new one that is projected from the inbox. */

import { audit } from "../audit/audit.ts";
import { loadConfig } from "../config/config.ts";
import { Database } from "../database/database.ts";
import { DOMAINS } from "../domains/index.ts";
import { type RebuildReport, rebuild } from "../rebuild/rebuild.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Command, exits, JSON_HELP } from "./command.ts";
import { DOMAIN_NAMES, domain } from "./domains.ts";
import { print, printJson, tableOf } from "./print.ts";
import { stopSignal } from "./process.ts";
import { Progress } from "./progress.ts";

export const rebuildCommand = new Command("rebuild")
  .summary("project a domain again from the inbox, compare with the live tables, and take over")
  .description(
    `Projects the whole inbox again beside the live tables, compares them row by row, and takes over what differs in one transaction. The service continues meanwhile; until the end nothing of its tables changes, and Ctrl-C leaves them as they are. Uses MIGRATION_DATABASE_URL.`,
  )
  .argument("<domain>", `the domain to rebuild: ${DOMAIN_NAMES}`, domain)
  .option("--dry-run", "compare, and change nothing")
  .option("--json", JSON_HELP)
  .addHelpText(
    "after",
    `
Exit status: 0 done (a dry run: nothing differs); 1 a dry run found differences, or it could not be done; 2 bad usage.`,
  )
  .action(
    exits(async (domain, { dryRun = false, json }) => {
      const config = loadConfig(DOMAINS);
      const logger = createLogger("silent");
      const database = new Database(config.databaseUrl, { connectionsMax: 1, logger, hasTimeouts: false });
      using progress = new Progress({ json });
      try {
        const report = await rebuild({
          ownerUrl: config.migrationDatabaseUrl,
          domain,
          isDryRun: dryRun,
          logger,
          signal: stopSignal(new Error("stopped; nothing was changed")),
          onProgress: (stage, done, total) =>
            progress.show(stage, stage === "projecting" ? { done, total } : undefined),
        });
        progress.end();
        const { holds } = await audit(database, [domain]);
        const differs = report.changes.length > 0;
        if (json) printJson({ ...toJson(report), differs, holds });
        else print(`${describe(report)}\n${holds ? "Conservation holds." : "Conservation does NOT hold."}`);
        return holds && !(dryRun && differs) ? 0 : 1;
      } finally {
        await database.close();
      }
    }),
  );

function toJson({ domain, changes, upTo, projected, duplicate, dead, isTakenOver }: RebuildReport) {
  return {
    domain,
    taken_over: isTakenOver,
    up_to: String(upTo),
    projected: Number(projected),
    duplicate: Number(duplicate),
    dead: Number(dead),
    changes: changes.map(({ before, after, positions, samples }) => ({
      before,
      after,
      positions: Number(positions),
      samples: samples.map(String),
    })),
  };
}

function describe({ domain, upTo, projected, duplicate, dead, changes, isTakenOver }: RebuildReport): string {
  const sum = `${domain}: rebuilt up to position ${upTo}: projected ${projected}, duplicate ${duplicate}, dead ${dead}.`;
  if (changes.length === 0) return `${sum}\nThe rebuilt projection is the live one, row by row.`;
  const table = tableOf(
    ["WAS", "IS NOW", "POSITIONS", "SUCH AS"],
    changes.map(({ before, after, positions, samples }) => [
      before ?? "(nothing)",
      before === after ? `${after}, with other content` : (after ?? "(nothing)"),
      positions,
      samples.join(", "),
    ]),
  );
  return [
    sum,
    table,
    "Differences mean that the projection code changed since these rows were written, or that rows were edited by hand.",
    isTakenOver ? "The rebuilt tables are live now." : "Nothing was changed: this was a dry run.",
  ].join("\n");
}
