/**
 * Variables that look like settings and are none: a misspelt one would otherwise be ignored, and its default would hold.
 * An environment is shared with other programs, so only two kinds count: names that only this project uses, and names
 * that differ from a setting by a letter or two.
 */
import leven from "leven";
import { nearestName } from "./nearest.ts";

/** @returns a sentence for each such variable. @param settings the names of all settings. */
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

/** SMTP_HOST and HTTPS_PORT are no slips of HTTP_HOST and HTTP_PORT: a short first word has to be right. */
function isSlipOf(name: string, setting: string): boolean {
  if (leven(name, setting) > SLIPS_MAX) return false;
  const [first, ...rest] = setting.split("_") as [string, ...string[]];
  return rest.length > 0 && (first.length >= LONG_WORD || name.startsWith(`${first}_`));
}

/** Two missing, additional or wrong letters, or two letters in the wrong order. */
const SLIPS_MAX = 2;
const LONG_WORD = 5;

/**
 * First words that no other program is known to use. The other settings share theirs: HTTP_PROXY, KAFKA_HEAP_OPTS,
 * CACHE_DIR, NATS_SERVER, OTEL_SERVICE_NAME and LOG_FILE mean something elsewhere.
 */
const OWN = /^([A-Z]+_)?(STAN|JETSTREAM)_|^(INBOX|INGRESS|PAYLOAD|WAYBILL)_/;

/** Kubernetes describes each service of a namespace in variables: one called "stan" in STAN_PORT_4222_TCP and the like. */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT)|_PORT(_\d|$)/;
