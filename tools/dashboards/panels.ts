/**
 * The parts that every dashboard is made of, by Grafana's own typed builders: a panel is a question that somebody on
 * call asks, with the unit, the thresholds and what to think of the answer.
 */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

export type Panel = Readonly<{
  title: string;
  /** What it says, and from when on it is bad. */
  description: string;
  unit: Unit;
  /** By legend; a legend in braces takes it from a label. */
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
  /** In the order in which somebody on call asks. */
  rows: Readonly<Record<string, readonly Panel[]>>;
}>;

/** The JSON that Grafana loads. */
export function build({ uid, title, description, rows }: Dashboard): object {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(["waybill"])
    .refresh("5s")
    .time({ from: "now-30m", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("prometheus").label("Prometheus").type("prometheus"))
    .withVariable(textBox("waybill", "Waybill", "http://127.0.0.1:3000"))
    .withVariable(textBox("jaeger", "Jaeger", "http://127.0.0.1:16686"))
    .link(dashboardsLink())
    .link(webLink("Dead letters", `${WAYBILL}/ui/dead-letters`))
    .link(webLink("Traces", `${JAEGER}/search?service=waybill`));
  for (const [question, panels] of Object.entries(rows)) {
    dashboard.withRow(new RowBuilder(question));
    for (const panel of panels) dashboard.withPanel(panelOf(panel, Math.floor(COLUMNS / panels.length)));
  }
  return JSON.parse(JSON.stringify(dashboard.build())) as object;
}

/** The addresses that are set at the top of a dashboard. */
export const WAYBILL = "$" + "{waybill}";
export const JAEGER = "$" + "{jaeger}";

/** The median and the 99th percentile of a histogram over the last minute. @param labels which of its series. */
export function quantiles(histogram: string, labels = ""): Record<string, string> {
  const buckets = `sum by (le) (rate(${histogram}_bucket${labels && `{${labels}}`}[1m]))`;
  return { p50: `histogram_quantile(0.5, ${buckets})`, p99: `histogram_quantile(0.99, ${buckets})` };
}

/** The traces of messages with a tag, in Jaeger. */
export function tracesWith(operation: string, tags: Readonly<Record<string, string>>): string {
  return `${JAEGER}/search?service=waybill&operation=${operation}&tags=${encodeURIComponent(JSON.stringify(tags))}`;
}

function panelOf(panel: Panel, width: number) {
  const { title, description, unit, queries, thresholds, isNumber, hasExemplars, links = {} } = panel;
  const builder = isNumber ? new StatBuilder() : lines();
  builder
    .title(title)
    .description(description)
    .datasource(PROMETHEUS)
    .unit(unit)
    .height(HEIGHT)
    .span(width)
    .min(0)
    .dataLinks(Object.entries(links).map(([name, url]) => webLink(name, url)));
  if (thresholds) builder.thresholds(thresholdsOf(thresholds));
  for (const [index, [legend, expr]] of Object.entries(queries).entries()) {
    builder.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + index))
        .datasource(PROMETHEUS)
        .expr(expr)
        .legendFormat(legend)
        .exemplar(hasExemplars ?? false),
    );
  }
  return builder;
}

function lines(): TimeseriesBuilder {
  return new TimeseriesBuilder().lineWidth(1).fillOpacity(8);
}

function thresholdsOf([orange, red]: readonly [number, number]) {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: "green" },
    { value: orange, color: "orange" },
    { value: red, color: "red" },
  ]);
}

function textBox(name: string, label: string, value: string) {
  return new TextBoxVariableBuilder(name).label(label).defaultValue(value);
}

function webLink(title: string, url: string) {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true);
}

function dashboardsLink() {
  return new DashboardLinkBuilder("Waybill").type(DashboardLinkType.Dashboards).tags(["waybill"]);
}

const PROMETHEUS = { type: "prometheus", uid: "$" + "{prometheus}" };
const COLUMNS = 24;
const HEIGHT = 7;
