/** Bulk work: the list of redrives, discards and restores, or the progress of one. */
import { complain, complainOfUpdate, get, isTemporary, post } from "/ui/api.js";
import { author, remember } from "/ui/author.js";
import { byId, cell, element, facts, link, table, time, visible } from "/ui/dom.js";
import { domainCells, domainHeads, loadDomains } from "/ui/domains.js";
import { update } from "/ui/live.js";

const asked = new URLSearchParams(location.search);
const form = byId("cancel-form");
let domains = [];
let timer;

/** The routes of the work that the page shows; undefined for the list. */
const route = asked.has("id")
  ? `/deadletters/redrives/${encodeURIComponent(asked.get("id"))}`
  : asked.has("decision")
    ? `/deadletters/decisions/${encodeURIComponent(asked.get("decision"))}`
    : undefined;

async function refresh() {
  clearTimeout(timer);
  try {
    const isRunning = route ? showOne(await get(route)) : showList(await loadList());
    if (isRunning) timer = setTimeout(refresh, REFRESH_MS);
  } catch (error) {
    complainOfUpdate(byId("redrive"), error, refresh);
    if (isTemporary(error)) timer = setTimeout(refresh, RETRY_MS);
  }
}

/** Newest first. */
async function loadList() {
  const [{ redrives }, { decisions }] = await Promise.all([
    get("/deadletters/redrives"),
    get("/deadletters/decisions"),
  ]);
  return [...redrives, ...decisions].sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
}

function showList(bulks) {
  const rows = bulks.map((bulk) =>
    element("tr", { "data-key": addressOf(bulk) }, [
      cell("Started", link(addressOf(bulk), time(bulk.created_at)), "words"),
      cell("Action", actionOf(bulk), "words"),
      ...domainCells(domains, bulk.domain ?? ""),
      cell("Status", bulk.status, "words"),
      cell("Done", `${doneOf(bulk).toLocaleString()} of ${bulk.letters.toLocaleString()}`, "number"),
      cell("Skipped", bulk.skipped.toLocaleString(), "number"),
      cell("Failed again", (bulk.dead ?? 0).toLocaleString(), "number"),
      cell("Author", visible(bulk.author), "words"),
      cell("Reason", visible(bulk.reason)),
    ]),
  );
  const heads = [
    "Started",
    "Action",
    ...domainHeads(domains),
    "Status",
    "Done",
    "Skipped",
    "Failed again",
    "Author",
    "Reason",
  ];
  update(
    byId("redrive"),
    rows.length > 0 ? table("Bulk work", heads, rows) : element("p", {}, ["No bulk work yet."]),
  );
  return bulks.some(({ status }) => status === "running");
}

/** @returns whether it runs. */
function showOne(bulk) {
  const isRedrive = bulk.action === undefined;
  document.title = `Bulk ${actionOf(bulk)} ${bulk.id} · Waybill`;
  byId("redrive-title").textContent = `Bulk ${actionOf(bulk)} ${bulk.id}`;
  const status = {
    running: "Running",
    finished: "Finished",
    stopped: `Stopped: ${bulk.problem ?? "too many letters failed again"}`,
    cancelled: "Cancelled",
  };
  const outcomes = isRedrive
    ? [
        ["Processed", bulk.projected.toLocaleString()],
        ["Duplicate", bulk.duplicate.toLocaleString()],
        ["Failed again", `${bulk.dead.toLocaleString()} (stops above ${bulk.failures_max.toLocaleString()})`],
        ["Skipped (no longer open)", bulk.skipped.toLocaleString()],
        ...(bulk.steps
          ? [
              ["Left open (not changed by the steps)", bulk.left_open.toLocaleString()],
              ["Steps", element("code", {}, [visible(JSON.stringify(bulk.steps))])],
            ]
          : []),
      ]
    : [
        [bulk.action === "discard" ? "Discarded" : "Reopened", bulk.decided.toLocaleString()],
        ["Skipped (another action came first)", bulk.skipped.toLocaleString()],
      ];
  const failures = (bulk.failures ?? []).map((failure) => failureRow(bulk, failure));
  update(
    byId("redrive"),
    element("p", { id: "status", role: "status", class: bulk.dead > 0 ? "bad" : "good" }, [
      status[bulk.status],
    ]),
    element("progress", { value: doneOf(bulk), max: bulk.letters, "aria-label": "Letters done" }),
    facts([
      ...(isRedrive && domains.length > 1 ? [["Domain", bulk.domain]] : []),
      ["Done", `${doneOf(bulk).toLocaleString()} of ${bulk.letters.toLocaleString()}`],
      ...outcomes,
      ["Started", time(bulk.created_at)],
      ["Author", visible(bulk.author)],
      ["Reason", visible(bulk.reason)],
      ["Filter", link(`/ui/dead-letter-list?${lettersOf(bulk)}`, visible(JSON.stringify(bulk.filter)))],
    ]),
    ...(failures.length > 0 ? [table("Failed again", ["Code", "Letters", "Sample"], failures)] : []),
  );
  byId("cancel").hidden = bulk.status !== "running";
  return bulk.status === "running";
}

function failureRow({ domain }, { fingerprint, code, count, sample }) {
  const group = `/ui/dead-letter-list?state=open&fingerprint=${fingerprint}&domain=${domain}`;
  return element("tr", {}, [
    cell("Code", link(group, code), "words"),
    cell("Letters", count.toLocaleString(), "number"),
    cell("Sample", link(`/ui/message?position=${sample}`, sample), "words"),
  ]);
}

/** The letters have left the state that the filter selected them in. */
function lettersOf({ filter }) {
  const { state: _state, ...rest } = filter;
  return new URLSearchParams(rest);
}

const actionOf = ({ action, steps }) => action ?? (steps ? "repair" : "redrive");
const doneOf = ({ redriven, decided, skipped, left_open = 0 }) => (redriven ?? decided) + skipped + left_open;
const addressOf = (bulk) => `/ui/redrive?${bulk.action === undefined ? "id" : "decision"}=${bulk.id}`;

form.elements.author.value = author();
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  remember(form.elements.author.value);
  try {
    const { author: who, reason } = form.elements;
    showOne(await post(`${route}/cancel`, { author: who.value, reason: reason.value }));
  } catch (error) {
    complain(byId("cancel-result"), error);
  }
});

const REFRESH_MS = 500;
const RETRY_MS = 2_000;

// The form works before these answers arrive.
domains = await loadDomains();
await refresh();
