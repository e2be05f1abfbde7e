/** The parts of a dashboard. `build.ts` turns them into Grafana's JSON. */

export type Panel = Readonly<{
  title: string;
  /** How to read the panel, and which values need action. */
  description: string;
  unit: Unit;
  /** PromQL by legend; `{{name}}` is a label. Metrics of domains must select OF_DOMAINS. */
  queries: Readonly<Record<string, string>>;
  thresholds?: readonly [orange: number, red: number];
  /** Whether lines link to traces of messages. */
  hasExemplars?: boolean;
  /** A single number instead of lines. */
  isNumber?: boolean;
  /** URLs by name; `${__field.labels.name}` is a label of the clicked line. */
  links?: Readonly<Record<string, string>>;
  /** Why a healthy system may have no data here. */
  emptyBecause?: string;
}>;

export type Unit = "short" | "s" | "bytes" | "percentunit" | "reqps" | "cps" | "bool_on_off";

export type Dashboard = Readonly<{
  uid: string;
  title: string;
  description: string;
  /** In the order in which an on-call engineer needs them. */
  rows: Readonly<Record<string, readonly Panel[]>>;
}>;

/** Dashboard variables. */
export const WAYBILL = "$" + "{waybill}";
export const JAEGER = "$" + "{jaeger}";

export const HTTP_SECONDS = "waybill_http_request_duration_seconds";

/** Selects the domains chosen in the dashboard variable. */
export const OF_DOMAINS = 'domain=~"$domain"';

/** A label of the clicked line. */
export const labelOf = (name: string): string => `$\u007b__field.labels.${name}}`;

type QuantileOptions = Readonly<{
  /** Label matchers. */
  labels?: string;
  /** One line for each value of this label. */
  by?: string;
}>;

/** p50 and p99 over the last minute. */
export function quantiles(
  histogram: string,
  { labels = "", by }: QuantileOptions = {},
): Record<string, string> {
  const buckets = `sum by (${by ? `le, ${by}` : "le"}) (rate(${histogram}_bucket${labels && `{${labels}}`}[1m]))`;
  const legend = by ? `{{${by}}} ` : "";
  return {
    [`${legend}p50`]: `histogram_quantile(0.5, ${buckets})`,
    [`${legend}p99`]: `histogram_quantile(0.99, ${buckets})`,
  };
}

export function quantilesByDomain(histogram: string): Record<string, string> {
  return quantiles(histogram, { labels: OF_DOMAINS, by: "domain" });
}

/** URL of Jaeger's search. */
export function tracesWith(operation: string, tags: Readonly<Record<string, string>>): string {
  return `${JAEGER}/search?service=waybill&operation=${operation}&tags=${encodeURIComponent(JSON.stringify(tags))}`;
}
