/** The list of dead letters. The URL holds the filters, so that a search can be bookmarked and shared. */
import { complain, get } from "/ui/api.js";
import { wordsOf } from "/ui/causes.js";
import { byId, cell, element, link, table, time, visible } from "/ui/dom.js";
import { domainCells, domainHeads, loadDomains, offerDomains } from "/ui/domains.js";
import { letterNoun, openWork, showExports, watchWork } from "/ui/letter-work.js";
import { beginSelection, selection, tickCell, watchSelection } from "/ui/selection.js";

const asked = new URLSearchParams(location.search);
const form = byId("filter");
let domains = [];
/** Of the shown page. */
let total;

function fill() {
  offerDomains(form.elements.domain, [], asked.get("domain") ?? "");
  for (const [name, value] of asked) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
}

async function show() {
  try {
    const page = await get(`/deadletters?${asked}`);
    total = page.total;
    showRows(page);
    byId("count").textContent = countOf(page);
    byId("bar").hidden = page.deadletters.length === 0;
    byId("select-all").hidden = isWhole(page);
    byId("select-all").textContent = total ? `Select all ${totalText()} that match` : "Select all that match";
    beginSelection();
  } catch (error) {
    byId("bar").hidden = true;
    byId("count").textContent = "";
    complain(byId("letters"), error, show);
  }
}

function showRows({ deadletters, next, searched }) {
  const older = new URLSearchParams(asked);
  if (next) older.set("before", next);
  const heads = [
    "Select",
    "Position",
    ...domainHeads(domains),
    "Received",
    "State",
    "Problem",
    "Channel",
    "Bytes",
  ];
  byId("letters").replaceChildren(
    deadletters.length > 0
      ? table("Dead letters", heads, deadletters.map(rowOf))
      : element("p", {}, [next ? "No matching letters so far." : "No matching letters."]),
    element(
      "p",
      {},
      next ? [link(`?${older}`, searched === undefined ? "Older" : "Search older letters")] : [],
    ),
  );
}

function countOf({ deadletters, searched }) {
  const shown = deadletters.length.toLocaleString();
  if (total) return deadletters.length === 0 ? "" : `${shown} of ${totalText()} letters`;
  return `${shown} letters found; ${searched.toLocaleString()} letters were searched`;
}

const totalText = () => `${total.is_exact ? "" : "more than "}${total.letters.toLocaleString()}`;

/** Whether the page has all letters that match. */
const isWhole = ({ deadletters, next }) => next === null && !asked.has("before") && deadletters.length > 0;

function rowOf(letter) {
  const [first] = letter.errors;
  const more = letter.error_count > 1 ? ` and ${letter.error_count - 1} more` : "";
  return element("tr", {}, [
    tickCell(letter),
    cell("Position", link(letterAddress(letter.position), letter.position), "words"),
    ...domainCells(domains, letter.domain),
    cell("Received", time(letter.received_at), "words"),
    cell("State", letter.state, "words"),
    cell("Problem", wordsOf({ code: letter.code, ...first }) + more),
    cell("Channel", visible(letter.channel)),
    cell("Bytes", letter.payload_bytes.toLocaleString(), "number"),
  ]);
}

/** The letter's page leads on to the next letter of this list. */
function letterAddress(position) {
  const filter = filterOfAll();
  return `/ui/dead-letter?position=${position}${filter.size > 0 ? `&${filter}` : ""}`;
}

/** All letters that match, on every page. */
function filterOfAll() {
  const filter = new URLSearchParams(asked);
  filter.delete("before");
  filter.delete("limit");
  return filter;
}

/** The letters that the actions are for. */
function target() {
  const selected = selection();
  if (selected !== "all") {
    const positions = [...selected.keys()].join(",");
    return { filter: { positions }, letters: selected.size, states: new Set(selected.values()) };
  }
  const filter = Object.fromEntries(filterOfAll());
  const states = filter.state ? [filter.state] : ["open", "redriven", "discarded"];
  return { filter, letters: undefined, states: new Set(states) };
}

function showSelection() {
  const { letters, states, filter } = target();
  const isNone = letters === 0;
  const all = total ? `All ${totalText()} selected` : "All that match selected";
  byId("selected").textContent = letters === undefined ? all : `${letters.toLocaleString()} selected`;
  const can = { redrive: "open", repair: "open", discard: "open", restore: "discarded" };
  for (const button of document.querySelectorAll("#bar [data-action]"))
    button.disabled = isNone || !states.has(can[button.dataset.action]);
  byId("select-all").setAttribute("aria-pressed", String(letters === undefined));
  const isOfAll = isNone || letters === undefined;
  const exported = isOfAll ? "all that match" : `${letters.toLocaleString()} ${letterNoun(letters)}`;
  showExports(isOfAll ? Object.fromEntries(filterOfAll()) : filter, exported);
}

byId("bar").addEventListener("click", ({ target: pressed }) => {
  const { action } = pressed.dataset;
  if (action) openWork(action, target());
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() !== "") wanted.set(name, value);
  location.search = String(wanted);
});

fill();
watchSelection(showSelection);
watchWork(() => domains, show);
// The forms work before these answers arrive.
domains = await loadDomains();
offerDomains(form.elements.domain, domains, form.elements.domain.value);
await show();
