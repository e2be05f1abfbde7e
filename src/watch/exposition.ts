/**
 * Writes metrics in the format that `Accept` prefers. The registry produces OpenMetrics, which has exemplars; the text
 * format is the same without them, with full family names of counters.
 * Sources: OpenMetrics 1.0, "Text format"; Prometheus, "Exposition formats"; RFC 9110, 12.5.1 (Accept).
 */
import { Registry as Registries, type Registry } from "prom-client";

export type Exposition = Readonly<{ contentType: string; text: string }>;

export const MEDIA_TYPES = { openMetrics: "application/openmetrics-text", text: "text/plain" } as const;

/** @param accept without a preference: the text format, which all readers support. */
export async function exposeMetrics(
  registry: Pick<Registry, "metrics" | "contentType">,
  accept: string | undefined,
): Promise<Exposition> {
  const text = await registry.metrics();
  return prefersOpenMetrics(accept)
    ? { contentType: registry.contentType, text }
    : { contentType: Registries.PROMETHEUS_CONTENT_TYPE, text: toTextFormat(text) };
}

function prefersOpenMetrics(accept = ""): boolean {
  const qualityOf = (...types: readonly string[]) => {
    // The most specific range decides.
    const [range] = types
      .map((type) => ranges.filter((candidate) => candidate.type === type))
      .filter(({ length }) => length);
    return Math.max(0, ...(range ?? []).map(({ quality }) => quality));
  };
  const ranges = accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    return { type, quality: Number.isFinite(quality) ? quality : 0 };
  });
  const openMetrics = qualityOf(MEDIA_TYPES.openMetrics);
  return openMetrics > 0 && openMetrics >= qualityOf(MEDIA_TYPES.text, "text/*", "*/*");
}

function toTextFormat(openMetrics: string): string {
  const lines = openMetrics.split("\n").filter((line) => line !== "# EOF");
  const counters = new Set(lines.map((line) => COUNTER.exec(line)?.[1]));
  const full = lines.map((line) => {
    const [, head, name = "", rest] = FAMILY.exec(line) ?? [];
    if (head !== undefined) return counters.has(name) ? `${head}${name}_total${rest}` : line;
    return line.replace(WITH_EXEMPLAR, "$1");
  });
  return full.join("\n");
}

const COUNTER = /^# TYPE (\S+) counter$/;
const FAMILY = /^(# (?:TYPE|HELP) )(\S+)(.*)$/;
const WITH_EXEMPLAR = /^([^\s{]+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? \S+) # \{.*$/;
