/** Turns a dashboard into Grafana's JSON, with Grafana's typed builders. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type Dashboard, JAEGER, OF_DOMAINS, type Panel, WAYBILL } from "./panels.ts";

export function build({ uid, title, description, rows }: Dashboard): object {
  const panels = Object.values(rows).flat();
  const hasDomains = panels.some(({ queries }) =>
    Object.values(queries).some((query) => query.includes(OF_DOMAINS)),
  );
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
  if (hasDomains) dashboard.withVariable(domains());
  for (const [question, row] of Object.entries(rows)) {
    dashboard.withRow(new RowBuilder(question));
    for (const panel of row) dashboard.withPanel(panelOf(panel, Math.floor(COLUMNS / row.length)));
  }
  return JSON.parse(JSON.stringify(dashboard.build())) as object;
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

/** Selects one, several or all domains. */
function domains() {
  return new QueryVariableBuilder("domain")
    .label("Domain")
    .datasource(PROMETHEUS)
    .query({ query: DOMAINS_QUERY, refId: "domain" })
    .definition(DOMAINS_QUERY)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: ["All"], value: ["$__all"] });
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

/** Every process always has this metric for each of its domains. */
const DOMAINS_QUERY = "label_values(waybill_pending_messages, domain)";
