/** `waybill rebuild DOMAIN`: replaces a projection by one that is made anew from the inbox. */

import { audit } from "../audit/audit.ts";
import type { Config } from "../config/config.ts";
import { InvalidInputError } from "../contract/errors.ts";
import { Database } from "../database/database.ts";
import { DOMAINS } from "../domains/index.ts";
import { type RebuildReport, rebuild } from "../rebuild/rebuild.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { Values } from "./deadletters.ts";
import { ProgressLine, print, printJson, tableOf } from "./print.ts";

export const REBUILD_OPTIONS = { "dry-run": { type: "boolean" } } as const;

export const REBUILD_USAGE = `Usage: npm run waybill -- rebuild DOMAIN [--dry-run] [--json]

Projects the whole inbox again beside the live tables, compares them row by row, and takes over what differs in one
transaction. The service goes on meanwhile; until the end nothing of its tables changes, and Ctrl-C leaves them as they
are. --dry-run compares and changes nothing. Uses MIGRATION_DATABASE_URL.

Exit status: 0 done (a dry run: nothing differs); 1 a dry run found differences, or it could not be done; 2 bad usage.`;

/** @throws InvalidInputError for bad usage. */
export async function rebuildCommand(
  config: Config,
  values: Values,
  positionals: readonly string[],
): Promise<number> {
  const [name, ...more] = positionals;
  const domain = DOMAINS.find((one) => one.name === name);
  if (!domain || more.length > 0) {
    const names = DOMAINS.map((one) => one.name).join(", ");
    throw new InvalidInputError("DOMAIN", `name one domain to rebuild: ${names}`);
  }
  const isDryRun = values["dry-run"] === true;
  const logger = createLogger("silent");
  const database = new Database(config.databaseUrl, { connectionsMax: 1, logger, hasTimeouts: false });
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("stopped; nothing was changed"));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const progress = new ProgressLine();
  const estimate = estimator();
  try {
    const report = await rebuild({
      ownerUrl: config.migrationDatabaseUrl,
      domain,
      isDryRun,
      logger,
      signal: stopping.signal,
      onProgress: (stage, position, head) => {
        progress.show(
          stage === "projecting" ? `${stage} ${position} of ${head}${estimate(position, head)}` : stage,
        );
      },
    });
    progress.end();
    const { holds } = await audit(database, [domain]);
    const differs = report.changes.length > 0;
    if (values.json) printJson({ ...toJson(report), differs, holds });
    else print(`${describe(report)}\n${holds ? "Conservation holds." : "Conservation does NOT hold."}`);
    return holds && !(isDryRun && differs) ? 0 : 1;
  } finally {
    progress.end();
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await database.close();
  }
}

/** How long the rest takes at the pace so far. */
function estimator() {
  const begun = performance.now();
  let first: bigint | undefined;
  return (position: bigint, head: bigint): string => {
    first ??= position;
    const seconds = (performance.now() - begun) / 1000;
    const rate = Number(position - first) / seconds;
    if (!(rate > 0)) return "";
    return `, ${Math.round(rate)}/s, about ${Math.ceil(Number(head - position) / rate)} s left`;
  };
}

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
    "They differ because the code is another one than that which projected the live rows, or because somebody changed",
    `those by hand. ${isTakenOver ? "The live tables are the rebuilt ones now." : "Nothing was changed: this was a dry run."}`,
  ].join("\n");
}
