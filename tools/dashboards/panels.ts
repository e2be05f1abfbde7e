/**
 * What a dashboard is made of: a panel is a question that an on-call engineer asks, with the unit, the thresholds and how
 * to read the answer. `build.ts` makes Grafana's JSON of it.
 */

export type Panel = Readonly<{
  title: string;
  /** What it says, and from when on it is bad. */
  description: string;
  unit: Unit;
  /** By legend; a name in double braces is a label. An expression of a domain's metric holds OF_DOMAINS. */
  queries: Readonly<Record<string, string>>;
  /** From these values on it is orange, and red. */
  thresholds?: readonly [orange: number, red: number];
  /** Whether its lines carry the traces of messages that made them. */
  hasExemplars?: boolean;
  /** A number of its own instead of lines. */
  isNumber?: boolean;
  /** Where a line leads to, with the labels of the line as `${__field.labels.name}`. */
  links?: Readonly<Record<string, string>>;
  /** Why a query may well have no data while nothing is wrong. */
  emptyBecause?: string;
}>;

export type Unit = "short" | "s" | "bytes" | "percentunit" | "reqps" | "cps" | "bool_on_off";

export type Dashboard = Readonly<{
  uid: string;
  title: string;
  description: string;
  /** In the sequence in which an on-call engineer asks. */
  rows: Readonly<Record<string, readonly Panel[]>>;
}>;

/** The addresses that are set at the top of a dashboard. */
export const WAYBILL = "$" + "{waybill}";
export const JAEGER = "$" + "{jaeger}";

/** The histogram of the requests, by method, route and status. */
export const HTTP_SECONDS = "waybill_http_request_duration_seconds";

/** Selects the domains that are chosen at the top of a dashboard. */
export const OF_DOMAINS = 'domain=~"$domain"';

/** The value of a label of the line that was clicked. */
export const labelOf = (name: string): string => `$\u007b__field.labels.${name}}`;

type QuantileOptions = Readonly<{
  /** Which series of the histogram. */
  labels?: string;
  /** A label that tells lines apart. */
  by?: string;
}>;

/** The median and the 99th percentile of a histogram over the last minute. */
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

/** The same for each of the chosen domains. */
export function quantilesByDomain(histogram: string): Record<string, string> {
  return quantiles(histogram, { labels: OF_DOMAINS, by: "domain" });
}

/** The traces of messages with a tag, in Jaeger. */
export function tracesWith(operation: string, tags: Readonly<Record<string, string>>): string {
  return `${JAEGER}/search?service=waybill&operation=${operation}&tags=${encodeURIComponent(JSON.stringify(tags))}`;
}
