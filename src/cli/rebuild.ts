/** `waybill rebuild DOMAIN`: replaces the projection of a domain by one that is projected again from the inbox. */

import { audit } from "../audit/audit.ts";
import { loadConfig } from "../config/config.ts";
import { Database } from "../database/database.ts";
import { DOMAINS } from "../domains/index.ts";
import { differs, type RebuildReport, rebuild } from "../rebuild/rebuild.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Command, exits, JSON_HELP } from "./command.ts";
import { domainArgument } from "./domains.ts";
import { print, printJson, tableOf } from "./print.ts";
import { stopSignal } from "./process.ts";
import { Progress } from "./progress.ts";

export const rebuildCommand = new Command("rebuild")
  .summary("Project a domain again from the inbox, compare it with the live tables, and replace them.")
  .description(
    "Project the whole inbox of a domain into new tables, compare them with the live ones row by row, and replace the rows that differ in one transaction. The service keeps running. Until that transaction commits, nothing changes, and Ctrl-C changes nothing. Uses MIGRATION_DATABASE_URL.",
  )
  .addArgument(domainArgument("the domain to rebuild"))
  .option("--dry-run", "compare and report, change nothing")
  .option("--json", JSON_HELP)
  .addHelpText(
    "after",
    `
Exit status: 0 done, or no differences in a dry run; 1 failed, or differences in a dry run; 2 bad usage or configuration.`,
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
        if (json) printJson({ ...toJson(report), differs: differs(report), holds });
        else
          print(
            `${describe(report)}\n${holds ? "Conservation holds." : "The audit does NOT hold: see waybill audit."}`,
          );
        return holds && !(dryRun && differs(report)) ? 0 : 1;
      } finally {
        await database.close();
      }
    }),
  );

function toJson({ domain, changes, tables, upTo, projected, duplicate, dead, isTakenOver }: RebuildReport) {
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
    tables: Object.fromEntries(
      tables.map(({ table, added, removed, changed, samples }) => [
        table,
        {
          added: Number(added),
          removed: Number(removed),
          changed: Number(changed),
          samples: samples.map(String),
        },
      ]),
    ),
  };
}

function describe(report: RebuildReport): string {
  const { domain, upTo, projected, duplicate, dead, isTakenOver } = report;
  const sum = `${domain}: rebuilt up to position ${upTo}: projected ${projected}, duplicate ${duplicate}, dead ${dead}.`;
  if (!differs(report)) return `${sum}\nThe rebuilt projection equals the live one, row by row.`;
  return [
    sum,
    ...(report.changes.length > 0 ? [describeChanges(report)] : []),
    describeTables(report),
    "Differences mean that the projection code changed since these rows were written, or that rows were edited by hand.",
    isTakenOver ? "The rebuilt tables are live now." : "Nothing was changed: this was a dry run.",
  ].join("\n");
}

function describeChanges({ changes }: RebuildReport): string {
  return tableOf(
    ["OLD", "NEW", "POSITIONS", "SAMPLES"],
    changes.map(({ before, after, positions, samples }) => [
      before ?? "(nothing)",
      before === after ? `${after}, with other content` : (after ?? "(nothing)"),
      positions,
      samples.join(", "),
    ]),
  );
}

function describeTables({ tables }: RebuildReport): string {
  return tableOf(
    ["TABLE", "ADDED", "REMOVED", "CHANGED", "SAMPLES"],
    tables.map(({ table, added, removed, changed, samples }) => [
      table,
      added,
      removed,
      changed,
      samples.join(", "),
    ]),
  );
}
