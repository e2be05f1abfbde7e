/**
 * The metrics in the format that the reader asks for. The registry writes OpenMetrics, which has exemplars; the older text
 * format is the same lines without them, and names the families of counters in full.
 * Sources: OpenMetrics 1.0, "Text format"; Prometheus, "Exposition formats"; RFC 9110, 12.5.1 (Accept).
 */
import { Registry as Registries, type Registry } from "prom-client";

export type Exposition = Readonly<{ contentType: string; text: string }>;

export const MEDIA_TYPES = { openMetrics: "application/openmetrics-text", text: "text/plain" } as const;

/** @param accept the request's header; without a preference the reader gets the text format, which all understand. */
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
    // The most specific range decides, whatever the others say.
    const [range] = types
      .map((type) => ranges.filter((one) => one.type === type))
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
/** A sample with its labels and its value, and the exemplar behind it. */
const WITH_EXEMPLAR = /^([^\s{]+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? \S+) # \{.*$/;
