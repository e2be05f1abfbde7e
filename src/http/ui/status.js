/** The status page: health and figures without Grafana, refreshed every two seconds. */
import { complainOfUpdate, get } from "/ui/api.js";
import { wordsOf } from "/ui/causes.js";
import { ago, byId, cell, element, link, positionLink, table } from "/ui/dom.js";
import { domainCells, domainHeads } from "/ui/domains.js";
import { orDash, plain, seconds } from "/ui/figures.js";
import { update } from "/ui/live.js";
import { largest, quantile, rate, sum } from "/ui/rates.js";
import { showConnection } from "/ui/shell.js";
import { addToCharts } from "/ui/status-charts.js";

let before;

async function look() {
  const status = await get("/status.json");
  const now = { ...status, at: Date.parse(status.at) / 1000 };
  addToCharts(before, now);
  showFigures(now);
  showDomains(now);
  showSources(now);
  showCauses(now);
  before = now;
}

async function showReadiness() {
  const { status, reasons, domains } = await (await fetch("/readyz")).json();
  const warnings = Object.entries(domains).flatMap(([domain, { warnings = [] }]) =>
    warnings.map((warning) => `${domain}: ${warning}`),
  );
  const shown = [
    reasons ? listOf(reasons) : element("p", { class: "good" }, [`The service is ${status}.`]),
    ...(warnings.length > 0 ? [listOf(warnings)] : []),
  ];
  update(byId("ready"), ...shown);
}

const listOf = (texts) =>
  element(
    "ul",
    { role: "alert" },
    texts.map((text) => element("li", {}, [text])),
  );

/** Figures of a domain; the tiles combine those of all domains by sum or maximum. */
const FIGURES = [
  { title: "Pending", name: "pending", combine: sum, format: plain, badFrom: 100_000 },
  { title: "Oldest pending", name: "oldest_pending_seconds", combine: largest, format: seconds, badFrom: 60 },
  { title: "Stalled for", name: "stalled_seconds", combine: largest, format: seconds, badFrom: 10 },
  { title: "Audit discrepancies", name: "discrepancies", combine: sum, format: plain, badFrom: 1 },
  { title: "Last audit", name: "audit_age_seconds", combine: largest, format: seconds, badFrom: 3_600 },
];

function showFigures({ domains, database }) {
  const tiles = FIGURES.map(({ title, name, combine, format, badFrom }) => {
    const value = combine(domains.map((domain) => domain[name]));
    return tile(title, orDash(value, format), value !== null && value >= badFrom);
  });
  tiles.push(tile("Database connected", database.connected ? "yes" : "no", !database.connected));
  update(byId("figures"), ...tiles);
}

/** One row per domain; hidden if there is only one, because the tiles show the same. */
function showDomains(now) {
  byId("domains-section").hidden = now.domains.length < 2;
  const rows = now.domains.map((domain) => {
    const inReading = ({ domains }) => domains.find(({ domain: name }) => name === domain.domain);
    const perSecond = (name) => orDash(rate(before, now, (reading) => inReading(reading)?.[name] ?? null));
    const p99 = quantile(before, now, (reading) => inReading(reading)?.readable_seconds ?? [], 0.99);
    return element("tr", {}, [
      cell("Domain", domain.domain),
      ...FIGURES.map(({ title, name, format, badFrom }) =>
        cell(title, judged(orDash(domain[name], format), domain[name] >= badFrom), "number"),
      ),
      cell("Stored/s", perSecond("appended"), "number"),
      cell("Processed/s", perSecond("projected"), "number"),
      cell("Dead/s", perSecond("dead"), "number"),
      cell("Publish to readable, p99", orDash(p99, seconds), "number"),
    ]);
  });
  const heads = [
    "Domain",
    ...FIGURES.map(({ title }) => title),
    "Stored/s",
    "Processed/s",
    "Dead/s",
    "Publish to readable, p99",
  ];
  update(byId("domains"), table("Domains", heads, rows));
}

/** One row per source; a dash if the broker does not report the figure. */
function showSources(now) {
  const names = namesIn(now);
  const isSame = (one, other) =>
    one.domain === other.domain && one.source === other.source && one.channel === other.channel;
  const rows = now.sources.map((source) => {
    const taken = rate(
      before,
      now,
      ({ sources }) => sources.find((candidate) => isSame(candidate, source))?.appended ?? null,
    );
    return element("tr", {}, [
      ...domainCells(names, source.domain),
      cell("Source", source.source),
      cell(
        "Connected",
        source.paused ? "paused" : judged(source.connected ? "yes" : "no", !source.connected),
      ),
      cell("Messages/s", orDash(taken), "number"),
      cell("Broker lag", orDash(source.lag), "number"),
      cell("Redelivered", orDash(source.redelivered), "number"),
      cell("Rejected (buffer full)", orDash(source.refused), "number"),
      cell("Missing sequence numbers", judged(plain(source.lost), source.lost > 0), "number"),
    ]);
  });
  const heads = [
    ...domainHeads(names),
    "Source",
    "Connected",
    "Messages/s",
    "Broker lag",
    "Redelivered",
    "Rejected (buffer full)",
    "Missing sequence numbers",
  ];
  update(byId("sources"), table("Sources", heads, rows));
}

function showCauses(now) {
  const causes = now.causes.toSorted((one, other) => other.letters - one.letters);
  if (causes.length === 0) return update(byId("causes"), element("p", {}, ["None."]));
  const names = namesIn(now);
  const rows = causes.map(({ domain, fingerprint, letters, ...cause }) =>
    element("tr", { "data-key": `${domain} ${fingerprint}` }, [
      ...domainCells(names, domain),
      cell("Cause", link(`/ui/dead-letter-list?fingerprint=${fingerprint}&domain=${domain}`, wordsOf(cause))),
      cell("Letters", plain(letters)),
    ]),
  );
  update(byId("causes"), table("Causes", [...domainHeads(names), "Cause", "Letters"], rows));
}

const namesIn = ({ domains }) => domains.map(({ domain }) => domain);

function tile(name, value, isBad) {
  return element("div", {}, [
    element("dt", {}, [name]),
    element("dd", isBad ? { class: "bad" } : {}, [value]),
  ]);
}

const judged = (text, isBad) => (isBad ? element("span", { class: "bad" }, [text]) : text);

async function showNewest() {
  const { deadletters } = await get("/deadletters?limit=8");
  if (deadletters.length === 0) return update(byId("newest"), element("p", {}, ["None."]));
  const names = before ? namesIn(before) : [];
  const rows = deadletters.map((letter) =>
    element("tr", { "data-key": letter.position }, [
      cell("Position", positionLink(letter.position, letter.position)),
      ...domainCells(names, letter.domain),
      cell("Code", letter.code),
      cell("Arrived", ago(letter.received_at)),
    ]),
  );
  const heads = ["Position", ...domainHeads(names), "Code", "Arrived"];
  update(byId("newest"), table("Newest dead letters", heads, rows));
}

/** Pauses after each answer, so that a slow service does not get more requests. */
async function repeat(pauseMs, ask, onError) {
  for (;;) {
    await ask().catch(onError);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Enough readings for a chart of ten minutes. */
const FIGURES_PAUSE_MS = 2_000;

/** Less often than the figures: letters are read from the database. */
const NEWEST_PAUSE_MS = 5_000;

showConnection("connecting…");
repeat(
  FIGURES_PAUSE_MS,
  async () => {
    await Promise.all([look(), showReadiness()]);
    showConnection("live");
  },
  () => showConnection("the service is unreachable; retrying", true),
);
repeat(NEWEST_PAUSE_MS, showNewest, (error) => complainOfUpdate(byId("newest"), error));
