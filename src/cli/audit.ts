/** `waybill audit`: proves conservation, and reports storage and growth. */

import { type AuditReport, audit, type DomainAudit, toJson } from "../audit/audit.ts";
import type { CheckResult } from "../audit/checks-table.ts";
import { gapSize, settlingSeconds } from "../audit/sequence-gaps.ts";
import { ackWaitsOf, loadConfig } from "../config/config.ts";
import { Database } from "../database/database.ts";
import { DOMAINS } from "../domains/index.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Command, exits, JSON_HELP } from "./command.ts";
import { domainsOption } from "./domains.ts";
import { print, printJson, visible } from "./print.ts";
import { Progress } from "./progress.ts";

export const auditCommand = new Command("audit")
  .summary("Prove that no message was lost and that each domain's checks hold.")
  .description(
    "Prove by SQL that received = projected + duplicate + dead + pending, each position exactly once, and list the positions that break it. Then run the checks of each domain.",
  )
  .addOption(domainsOption("only these domains, separated by commas (default: DOMAINS)"))
  .option("--full", "read all messages instead of those since the last audit")
  .option("--json", JSON_HELP)
  .addHelpText(
    "after",
    `
Once a day, after a rebuild and after a failed audit, all messages are read even without --full.
Exit status: 0 holds; 1 does not hold; 2 bad usage or configuration.`,
  )
  .action(
    exits(async ({ domain: chosen, full, json }) => {
      const config = loadConfig(DOMAINS);
      const database = new Database(config.databaseUrl, {
        connectionsMax: 1,
        logger: createLogger("silent"),
        hasTimeouts: false,
      });
      using progress = new Progress({ json });
      try {
        progress.show("reading the inbox and its outcomes");
        const running = DOMAINS.filter(({ name }) => config.domains.some((domain) => domain.name === name));
        const report = await audit(database, chosen ?? running, {
          isFull: full === true,
          gapSettledSeconds: settlingSeconds(ackWaitsOf(config.domains)),
        });
        progress.end();
        if (json) printJson(toJson(report));
        else print(describe(report));
        return report.holds ? 0 : 1;
      } finally {
        await database.close();
      }
    }),
  );

function describe({ holds, domains, storage }: AuditReport): string {
  const tables = [...storage.tables].filter(([, bytes]) => bytes >= TABLE_BYTES_SHOWN_MIN);
  const largest = tables.map(([name, bytes]) => `${name} ${mebibytes(Number(bytes))}`).join(", ");
  const isConserved = Object.values(domains).every(({ broken }) => broken === 0n);
  const growth = storage.bytesPerDay === undefined ? "" : `, ${mebibytes(storage.bytesPerDay)} more a day`;
  return [
    ...Object.entries(domains).flatMap(([name, found]) => describeDomain(name, found)),
    `storage: ${mebibytes(Number(storage.bytes))}${growth}${largest && ` (${largest})`}`,
    `Conservation ${isConserved ? "holds" : "does NOT hold"}.`,
    ...(holds || !isConserved ? [] : ["A check of a domain does NOT hold."]),
  ].join("\n");
}

function describeDomain(name: string, found: DomainAudit): string[] {
  const { received, projected, duplicate, dead, pending, broken, discrepancies, gaps } = found;
  const lines = [
    `${name}: received ${received} = projected ${projected} + duplicate ${duplicate} + dead ${dead} + pending ${pending}`,
  ];
  if (found.provedBefore > 0n) {
    lines.push(
      `${name}: read from position ${found.provedBefore + 1n}; everything was read on ${found.fullAt.toISOString()}`,
    );
  }
  if (found.messagesPerDay !== undefined) {
    lines.push(`${name}: ${Math.round(found.messagesPerDay)} messages a day`);
  }
  if (broken > 0n) {
    const more = broken > BigInt(discrepancies.length) ? ", …" : "";
    lines.push(`${name}: ${broken} positions break this: ${discrepancies.join(", ")}${more}`);
  }
  for (const [check, result] of found.checks) {
    if (result.broken > 0n) lines.push(...describeCheck(name, check, result));
  }
  for (const { source, channel, series, from, to, before } of gaps) {
    lines.push(
      `${name}: ${source} never delivered ${gapSize({ from, to })} messages of ${channel}${series === undefined ? "" : `, ${series}`}, ${from} to ${to}${before === undefined ? "" : `, before position ${before}`}`,
    );
  }
  return lines;
}

function describeCheck(domain: string, check: string, { broken, samples }: CheckResult): string[] {
  const more = broken > BigInt(samples.length) ? [`${domain}:   …`] : [];
  return [
    `${domain}: the check ${check} is broken by ${broken} rows:`,
    ...samples.map(({ position, detail }) => `${domain}:   position ${position}: ${visible(detail)}`),
    ...more,
  ];
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Smaller tables do not matter to an operator who looks for space. */
const TABLE_BYTES_SHOWN_MIN = 2 ** 20;
