/** The overview of dead letters: totals, trend, groups by cause, bulk redrives, refused events. */
import { complainOfUpdate, get } from "/ui/api.js";
import { wordsOf } from "/ui/causes.js";
import { bars } from "/ui/chart.js";
import { ago, byId, cell, element, link, positionLink, table, time, visible } from "/ui/dom.js";
import { domainCells, domainHeads, loadDomains, offerDomains } from "/ui/domains.js";
import { update } from "/ui/live.js";
import { showRefusals } from "/ui/refused-events.js";
import { watchEvents } from "/ui/shell.js";

const domains = await loadDomains();
const choice = byId("domain");

/** `&domain=…` for the selected domain; empty for all. */
const chosen = () => (choice.value === "" ? "" : `&domain=${encodeURIComponent(choice.value)}`);

async function refresh() {
  const domain = choice.value;
  try {
    const [overview, { redrives }] = await Promise.all([
      get(`/deadletters/groups?${chosen()}`),
      get("/deadletters/redrives"),
    ]);
    // Another domain was selected meanwhile.
    if (domain !== choice.value) return;
    showTotals(overview);
    showGroups(overview);
    showBulks(redrives.filter((bulk) => domain === "" || bulk.domain === domain));
  } catch (error) {
    complainOfUpdate(byId("groups"), error, refresh);
  }
}

function showTotals({ totals, oldest_open, trend }) {
  const tiles = Object.entries(totals).map(([state, count]) =>
    element("div", {}, [
      element("dt", {}, [link(`/ui/dead-letter-list?state=${state}${chosen()}`, state)]),
      element("dd", { "data-total": state }, [count.toLocaleString()]),
    ]),
  );
  if (oldest_open) {
    tiles.push(
      element("div", {}, [
        element("dt", {}, ["oldest open"]),
        element("dd", {}, [positionLink(oldest_open.position, ago(oldest_open.received_at))]),
      ]),
    );
  }
  update(byId("totals"), element("dl", { class: "tiles" }, tiles));
  update(
    byId("trend"),
    element("p", { class: "quiet" }, ["Per hour, last 48 h"]),
    bars(trend.hours, trend.since, { height: 48, label: "Dead letters per hour" }),
  );
}

function showGroups({ groups, has_more, trend }) {
  if (groups.length === 0) {
    update(byId("groups"), element("p", {}, ["No open dead letters."]));
    return;
  }
  const rows = groups.map((group) =>
    element("tr", { "data-key": `${group.domain} ${group.fingerprint}` }, [
      ...domainCells(domains, group.domain),
      cell("Problem", [
        link(
          `/ui/dead-letter-list?state=open&fingerprint=${group.fingerprint}&domain=${group.domain}`,
          wordsOf({ code: group.code, ...group.causes[0] }),
        ),
        ...(group.cause_count > 1 ? [` and ${group.cause_count - 1} more`] : []),
        ...(group.came_back_after
          ? [
              element("p", { class: "came-back" }, [
                "Recurred after a redrive on ",
                time(group.came_back_after),
              ]),
            ]
          : []),
      ]),
      cell("Open", `${group.open.toLocaleString()} (${(group.share * 100).toFixed(1)} %)`, "number"),
      cell("Per hour", bars(group.hours, trend.since, { height: 20, label: "Per hour" })),
      cell("First seen", time(group.first_seen), "words"),
      cell("Last seen", time(group.last_seen), "words"),
      cell("Channels", visible(group.channels.join(", ")), "words"),
      cell("Sample", positionLink(group.sample, group.sample), "words"),
      cell(
        "Repair",
        link(`/ui/repair?fingerprint=${group.fingerprint}&domain=${group.domain}`, "Repair all"),
        "words",
      ),
    ]),
  );
  const heads = [
    ...domainHeads(domains),
    "Problem",
    "Open",
    "Per hour",
    "First seen",
    "Last seen",
    "Channels",
    "Sample",
    "Repair",
  ];
  update(
    byId("groups"),
    table("Groups of dead letters", heads, rows),
    ...(has_more ? [element("p", {}, ["Only the largest groups are shown."])] : []),
  );
}

function showBulks(bulks) {
  if (bulks.length === 0) {
    update(byId("bulks"), element("p", {}, ["No bulk redrives."]));
    return;
  }
  const rows = bulks.map((bulk) =>
    element("tr", { "data-key": bulk.id }, [
      cell("Started", link(`/ui/redrive?id=${bulk.id}`, time(bulk.created_at)), "words"),
      ...domainCells(domains, bulk.domain),
      cell("Status", bulk.status, "words"),
      cell(
        "Done",
        `${(bulk.redriven + bulk.skipped + (bulk.left_open ?? 0)).toLocaleString()} of ${bulk.letters.toLocaleString()}`,
        "number",
      ),
      cell("Failed again", bulk.dead.toLocaleString(), "number"),
      cell("Author", visible(bulk.author), "words"),
      cell("Reason", visible(bulk.reason)),
    ]),
  );
  update(
    byId("bulks"),
    table(
      "Bulk redrives",
      ["Started", ...domainHeads(domains), "Status", "Done", "Failed again", "Author", "Reason"],
      rows,
    ),
  );
}

/** Under load the counts change twice a second; the group query is too expensive for that. */
const REFRESH_PAUSE_MS = 2_000;

offerDomains(choice, domains, new URLSearchParams(location.search).get("domain") ?? "");
choice.addEventListener("change", () => {
  // Without a reload, so that the field keeps the focus.
  history.replaceState(null, "", chosen() === "" ? location.pathname : `?${chosen().slice(1)}`);
  refresh();
});
showRefusals(choice);
await refresh();
// Every change shows in the counts; changes in quick succession cause one refresh.
let isWaiting = false;
watchEvents(
  {
    counts: () => {
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(async () => {
        isWaiting = false;
        await refresh();
      }, REFRESH_PAUSE_MS);
    },
  },
  refresh,
);
