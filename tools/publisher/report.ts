/** Text for a terminal, or JSON. */
import type { DomainKit } from "../domains/kit.ts";
import type { PublishReport } from "./publish.ts";

/** @param seed undefined for payloads from outside. */
export function describe(kit: DomainKit, report: PublishReport, seed: number | undefined): string {
  const kinds = Object.entries(report.byKind).map(([kind, count]) => `${count} ${kind}`);
  const rate = Math.round(report.published / Math.max(report.seconds, 0.001));
  const seeded = seed === undefined ? "" : `, seed ${seed}`;
  const lines = [`published ${report.published} messages (${kinds.join(", ")}) at ${rate}/s${seeded}`];
  if (report.failed > 0) lines.push(`NOT acknowledged: ${report.failed}`);
  if (report.refused > 0)
    lines.push(`not sent, because they exceed the broker's size limit: ${report.refused}`);
  if (report.verification) {
    const { checked, missing, different, readable } = report.verification;
    const milliseconds = (time: number | undefined) => (time === undefined ? "-" : `${time.toFixed(1)} ms`);
    lines.push(
      `verified ${checked} ${kit.readBack.noun}: ${missing.length} missing, ${different.length} with other content`,
    );
    if (readable.watched > 0) {
      const times = `p50 ${milliseconds(readable.p50)}, p99 ${milliseconds(readable.p99)}`;
      lines.push(`publish to readable (${readable.watched} ${kit.readBack.noun} watched): ${times}`);
    }
    for (const id of missing.slice(0, SHOWN_MAX)) lines.push(`  missing: ${id}`);
    for (const id of different.slice(0, SHOWN_MAX)) lines.push(`  other content: ${id}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Keys are counted under the kit's noun. */
export function toJson({ readBack }: DomainKit, { keys, ...report }: PublishReport, seed: number): string {
  return JSON.stringify({ seed, ...report, [readBack.noun]: keys });
}

/** Keeps the totals on one screen. */
const SHOWN_MAX = 20;
