/**
 * Finds misspelt settings, whose defaults would otherwise apply unnoticed. Other programs share the environment, so only
 * names of this project count, and names one or two letters away from a setting.
 */
import leven from "leven";
import { nearestName } from "./nearest.ts";

/** @returns one sentence per misspelt name. */
export function misspeltVariables(names: readonly string[], settings: ReadonlySet<string>): string[] {
  const warnings: string[] = [];
  for (const name of names) {
    if (settings.has(name)) continue;
    const nearest = nearestName(name, [...settings]);
    const isSlip = nearest !== undefined && isSlipOf(name, nearest);
    if (!isSlip && (!OWN.test(name) || OF_KUBERNETES.test(name))) continue;
    const suggestion = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    warnings.push(`${name} is not a setting and has no effect${suggestion}`);
  }
  return warnings;
}

/** A short first word must be right: SMTP_HOST does not mean HTTP_HOST. */
function isSlipOf(name: string, setting: string): boolean {
  if (leven(name, setting) > SLIPS_MAX) return false;
  const [first, ...rest] = setting.split("_") as [string, ...string[]];
  return rest.length > 0 && (first.length >= LONG_WORD || name.startsWith(`${first}_`));
}

/** Edits; two swapped letters are two. */
const SLIPS_MAX = 2;
const LONG_WORD = 5;

/** First words that no other program uses. HTTP_PROXY, KAFKA_HEAP_OPTS, CACHE_DIR or LOG_FILE belong to others. */
const OWN = /^([A-Z]+_)?(STAN|JETSTREAM)_|^(INBOX|INGRESS|PAYLOAD|WAYBILL)_/;

/** Kubernetes sets variables for each service of a namespace: STAN_PORT_4222_TCP for one called "stan". */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT)|_PORT(_\d|$)/;
