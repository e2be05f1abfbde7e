/** How the service does, for those who have no Grafana: its own metrics, read every two seconds. */
import { complain, get } from "/ui/api.js";
import { ago, byId, cell, element, link, table } from "/ui/dom.js";
import { LineChart } from "/ui/line-chart.js";
import { all, quantile, rate, readMetrics, sum } from "/ui/metrics.js";
import { showConnection } from "/ui/shell.js";

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1, notation: "compact" });
const plain = (value) => number.format(value);
const seconds = (value) => (value < 1 ? `${plain(value * 1000)} ms` : `${plain(value)} s`);
const share = (value) => `${plain(value * 100)} %`;
const bytes = (value) => `${plain(value / 2 ** 20)} MiB`;

const HTTP = "waybill_http_request_duration_seconds";
const outcomes = (before, now, outcome) => rate(before, now, "waybill_outcomes_total", { outcome });
const reads = (before, now, result) => rate(before, now, "waybill_cache_requests_total", { result });

/** Each with what its lines are, of a reading and the one before it. */
const CHARTS = [
  [
    "Messages a second",
    plain,
    {
      stored: (before, now) => rate(before, now, "waybill_inbox_appended_total"),
      projected: (before, now) => outcomes(before, now, "projected"),
      dead: (before, now) => outcomes(before, now, "dead"),
    },
  ],
  ["Pending messages", plain, { pending: (_before, now) => sum(now, "waybill_pending_messages") }],
  [
    "99 in 100 within",
    seconds,
    {
      "an append": (before, now) => quantile(before, now, "waybill_inbox_append_duration_seconds", 0.99),
      readable: (before, now) => quantile(before, now, "waybill_publish_to_readable_seconds", 0.99),
    },
  ],
  [
    "Requests a second",
    plain,
    {
      all: (before, now) => rate(before, now, `${HTTP}_count`),
      "from memory": (before, now) => reads(before, now, "hit"),
      "read through": (before, now) => reads(before, now, "miss"),
    },
  ],
  [
    "Memory",
    bytes,
    {
      resident: (_before, now) => sum(now, "process_resident_memory_bytes"),
      "of it the cache": (_before, now) => sum(now, "waybill_cache_bytes"),
    },
  ],
  [
    "Processor, of one core",
    share,
    {
      used: (before, now) => rate(before, now, "process_cpu_seconds_total"),
    },
  ],
].map(([title, format, lines]) => ({
  chart: new LineChart(byId("charts"), title, Object.keys(lines), format),
  values: Object.values(lines),
}));

/** Each with what it shows of a reading, and from which value on it is bad. */
const FIGURES = [
  ["Pending", "waybill_pending_messages", plain, 100_000],
  ["Oldest pending", "waybill_oldest_pending_age_seconds", seconds, 60],
  ["Projection stalled for", "waybill_projector_stalled_seconds", seconds, 10],
  ["Conservation violations", "waybill_audit_discrepancies", plain, 1],
  ["Last audit", "waybill_audit_age_seconds", seconds, 3_600],
];

let before;

async function look() {
  const now = await readMetrics();
  for (const { chart, values } of CHARTS)
    chart.add(
      now.at,
      values.map((value) => value(before, now)),
    );
  showFigures(now);
  showSources(now);
  showCauses(now);
  before = now;
}

async function showReadiness() {
  const { status, reasons } = await (await fetch("/readyz")).json();
  byId("ready").replaceChildren(
    reasons
      ? element(
          "ul",
          { role: "alert" },
          reasons.map((reason) => element("li", {}, [reason])),
        )
      : element("p", { class: "good" }, [`The service is ${status}.`]),
  );
}

function showFigures(now) {
  const tiles = FIGURES.map(([name, metric, format, bad]) => {
    const value = sum(now, metric);
    return tile(name, value === null ? "–" : format(value), value !== null && value >= bad);
  });
  const database = sum(now, "waybill_database_connected");
  tiles.push(tile("database connected", database === 1 ? "yes" : "no", database !== 1));
  byId("figures").replaceChildren(...tiles);
}

/** One row a source; what a broker does not say is no zero. */
function showSources(now) {
  const shown = (name, source) => {
    const value = sum(now, name, { source });
    return value === null ? "–" : plain(value);
  };
  const rows = all(now, "waybill_source_connected").map(({ labels: { source }, value }) => {
    const taken = rate(before, now, "waybill_inbox_appended_total", { source });
    const lost = sum(now, "waybill_source_gap_messages", { source }) ?? 0;
    return element("tr", {}, [
      cell("Source", source),
      cell("Connected", element("span", value === 1 ? {} : { class: "bad" }, [value === 1 ? "yes" : "no"])),
      cell("Taken in a second", taken === null ? "–" : plain(taken), "number"),
      cell("Waiting at the broker", shown("waybill_source_lag_messages", source), "number"),
      cell("Delivered again", shown("waybill_source_redelivered_total", source), "number"),
      cell("Found no room", shown("waybill_source_refused_total", source), "number"),
      cell("Lost by the broker", element("span", lost > 0 ? { class: "bad" } : {}, [plain(lost)]), "number"),
    ]);
  });
  const heads = ["Source", "Connected", "Taken in a second", "Waiting at the broker", "Delivered again"];
  byId("sources").replaceChildren(table("Sources", [...heads, "Found no room", "Lost by the broker"], rows));
}

function tile(name, value, isBad) {
  return element("div", {}, [
    element("dt", {}, [name]),
    element("dd", isBad ? { class: "bad" } : {}, [value]),
  ]);
}

function showCauses(now) {
  const causes = all(now, "waybill_deadletters_recent").sort((one, other) => other.value - one.value);
  byId("causes").replaceChildren(
    causes.length === 0
      ? element("p", {}, ["None."])
      : table(
          "Causes",
          ["Code", "Cause", "Letters"],
          causes.map(({ labels, value }) =>
            element("tr", {}, [
              cell("Code", labels.code),
              cell(
                "Cause",
                link(`/ui/dead-letter-list?fingerprint=${labels.fingerprint}`, labels.fingerprint),
              ),
              cell("Letters", plain(value)),
            ]),
          ),
        ),
  );
}

async function showNewest() {
  const { deadletters } = await get("/deadletters?limit=8");
  byId("newest").replaceChildren(
    deadletters.length === 0
      ? element("p", {}, ["None."])
      : table(
          "Newest dead letters",
          ["Position", "Code", "Arrived", "Message"],
          deadletters.map((letter) =>
            element("tr", {}, [
              cell("Position", link(`/ui/dead-letter?position=${letter.position}`, letter.position)),
              cell("Code", letter.code),
              cell("Arrived", ago(letter.received_at)),
              cell("Message", link(`/messages/${letter.position}`, "history")),
            ]),
          ),
        ),
  );
}

/** Again and again, a while after the last answer: a service that is slow is not asked the more for it. */
async function repeat(pauseMs, ask, onError) {
  for (;;) {
    await ask().catch(onError);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

showConnection("connecting…");
repeat(
  2_000,
  async () => {
    await Promise.all([look(), showReadiness()]);
    showConnection("live");
  },
  () => {
    showConnection("the service cannot be reached; trying again", true);
  },
);
repeat(5_000, showNewest, (error) => complain(byId("newest"), error));
