/** The list of operator actions. The URL holds the filters, so that a search can be bookmarked and shared. */
import { complain, get } from "/ui/api.js";
import { byId, cell, element, link, table, time, visible } from "/ui/dom.js";
import { domainCells, domainHeads, loadDomains, offerDomains } from "/ui/domains.js";

const asked = new URLSearchParams(location.search);
const form = byId("filter");
let domains = [];

/** As the API document has them. */
const LABELS = {
  redrive: "redrive",
  discard: "discard",
  restore: "restore",
  reveal: "reveal",
  bulk_redrive: "bulk redrive",
  cancel_bulk_redrive: "cancel a bulk redrive",
  bulk_discard: "bulk discard",
  bulk_restore: "bulk restore",
  cancel_bulk_decision: "cancel a bulk discard or restore",
  release_event: "release an event",
  discard_event: "discard an event",
  pause_source: "pause a source",
  resume_source: "resume a source",
};

function fill() {
  form.elements.action.append(
    ...Object.entries(LABELS).map(([value, label]) => element("option", { value }, [label])),
  );
  offerDomains(form.elements.domain, [], asked.get("domain") ?? "");
  for (const [name, value] of asked) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
}

async function show() {
  try {
    const { actions, next } = await get(`/actions?${asked}`);
    const older = new URLSearchParams(asked);
    if (next !== null) older.set("before", next);
    const heads = ["Time", "Author", "Action", ...domainHeads(domains), "On", "Reason"];
    byId("actions").replaceChildren(
      actions.length > 0
        ? table("Actions", heads, actions.map(rowOf))
        : element("p", {}, ["No matching actions."]),
      ...(next === null ? [] : [element("p", {}, [link(`?${older}`, "Older")])]),
    );
  } catch (error) {
    complain(byId("actions"), error, show);
  }
}

function rowOf(action) {
  const by = action.author ?? "an unnamed operator";
  return element("tr", {}, [
    cell("Time", time(action.at), "words"),
    cell("Author", visible(action.is_verified ? by : `${by} (not verified)`), "words"),
    cell("Action", `${LABELS[action.action]}${action.is_edited ? ", edited" : ""}`, "words"),
    ...domainCells(domains, action.domain ?? ""),
    cell("On", subjectOf(action), "words"),
    cell("Reason", visible(action.reason ?? "")),
  ]);
}

function subjectOf(action) {
  const { position, ordinal, refusal, redrive_position, letters, source } = action;
  if (source !== undefined) return `source ${source}`;
  if (position === undefined)
    return [...bulkOf(action), letters === undefined ? "" : ` of ${letters.toLocaleString()} letters`];
  const bulk = bulkOf(action);
  return [
    link(`/ui/message?position=${position}`, ordinal === undefined ? position : `${position}/${ordinal}`),
    ...(redrive_position === undefined
      ? []
      : [" as ", link(`/ui/message?position=${redrive_position}`, redrive_position)]),
    ...(refusal === undefined ? [] : [visible(` refused: ${refusal}`)]),
    ...(bulk.length === 0 ? [] : [" in ", ...bulk]),
  ];
}

function bulkOf({ bulk_redrive, bulk_decision }) {
  if (bulk_redrive !== undefined)
    return [link(`/ui/redrive?id=${bulk_redrive}`, `bulk redrive ${bulk_redrive}`)];
  return bulk_decision === undefined
    ? []
    : [link(`/ui/redrive?decision=${bulk_decision}`, `bulk decision ${bulk_decision}`)];
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() !== "") wanted.set(name, value.trim());
  location.search = String(wanted);
});

fill();
// The form works before these answers arrive.
domains = await loadDomains();
offerDomains(form.elements.domain, domains, form.elements.domain.value);
await show();
