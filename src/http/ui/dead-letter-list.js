/** The list of dead letters. The URL holds the filters, so that a search can be bookmarked and shared. */
import { complain, get, post } from "/ui/api.js";
import { author, remember } from "/ui/author.js";
import { byId, cell, element, link, table, time, visible } from "/ui/dom.js";
import { domainCells, domainHeads, loadDomains, offerDomains } from "/ui/domains.js";

const asked = new URLSearchParams(location.search);
const form = byId("filter");
const bulkForm = byId("bulk-form");
let domains = [];

function fill() {
  offerDomains(form.elements.domain, [], asked.get("domain") ?? "");
  for (const [name, value] of asked) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
  bulkForm.elements.author.value = author();
}

async function show() {
  try {
    const page = await get(`/deadletters?${asked}`);
    const rows = page.deadletters.map(rowOf);
    const older = new URLSearchParams(asked);
    if (page.next) older.set("before", page.next);
    const searched =
      page.searched === undefined ? [] : [`${page.searched.toLocaleString()} letters were searched. `];
    byId("letters").replaceChildren(
      rows.length > 0
        ? table(
            "Dead letters",
            ["Position", ...domainHeads(domains), "Received", "State", "Code", "Problem", "Channel", "Bytes"],
            rows,
          )
        : element("p", {}, [page.next ? "No matching letters so far." : "No matching letters."]),
      element("p", {}, [
        ...searched,
        ...(page.next
          ? [link(`?${older}`, page.searched === undefined ? "Older" : "Search older letters")]
          : []),
      ]),
    );
  } catch (error) {
    complain(byId("letters"), error);
  }
}

function rowOf(letter) {
  const [first] = letter.errors;
  const more = letter.error_count > 1 ? ` and ${letter.error_count - 1} more` : "";
  const received = first.excerpt === undefined ? first.received : `${first.received} ${first.excerpt}`;
  return element("tr", {}, [
    cell("Position", link(letterAddress(letter.position), letter.position), "words"),
    ...domainCells(domains, letter.domain),
    cell("Received", time(letter.received_at), "words"),
    cell("State", letter.state, "words"),
    cell("Code", letter.code, "words"),
    cell("Problem", visible(`${first.path || "the document"}: ${first.expected}, not ${received}${more}`)),
    cell("Channel", visible(letter.channel)),
    cell("Bytes", letter.payload_bytes.toLocaleString(), "number"),
  ]);
}

/** The letter's page leads on to the next letter of this list. */
function letterAddress(position) {
  const filter = new URLSearchParams(asked);
  filter.delete("before");
  filter.delete("limit");
  return `/ui/dead-letter?position=${position}${filter.size > 0 ? `&${filter}` : ""}`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim() !== "") wanted.set(name, value);
  location.search = String(wanted);
});

/** The filter and limit of the last dry run; the redrive uses them, so later letters are not included. */
let tried;

bulkForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = byId("bulk-result");
  byId("bulk-run").disabled = true;
  place.replaceChildren(element("p", {}, ["Dry run in progress; nothing is changed…"]));
  const filter = Object.fromEntries([...asked].filter(([name]) => name !== "before" && name !== "limit"));
  filter.state = "open";
  filter.until ??= new Date().toISOString();
  tried = { filter, limit: Number(bulkForm.elements.limit.value) };
  try {
    const run = await post("/deadletters/redrive?dryRun=true", tried);
    showDryRun(run);
    byId("bulk-run").textContent = `Redrive ${run.letters.toLocaleString()} letters`;
    byId("bulk-run").disabled = run.letters === 0;
  } catch (error) {
    complain(place, error);
  }
});

function showDryRun(run) {
  const sum = `${run.letters.toLocaleString()} letters: ${run.projected.toLocaleString()} would be processed, ${run.duplicate.toLocaleString()} duplicates, ${run.conflict.toLocaleString()} conflicts, ${run.dead.toLocaleString()} would fail again.`;
  const skipped = Object.entries(run.not_run_here).map(([domain, letters]) =>
    element("p", { class: "bad" }, [
      visible(
        `Not tried: ${letters.toLocaleString()} letters of the domain ${domain}, which does not run in this process.`,
      ),
    ]),
  );
  const rows = run.failures.map((failure) =>
    element("tr", {}, [
      ...domainCells(domains, failure.domain),
      cell("Code", failure.code, "words"),
      cell("Problem", visible(`${failure.errors[0].path || "the document"}: ${failure.errors[0].expected}`)),
      cell("Letters", failure.count.toLocaleString(), "number"),
      cell("Sample", link(`/ui/dead-letter?position=${failure.sample}`, failure.sample), "words"),
    ]),
  );
  byId("bulk-result").replaceChildren(
    element("p", { class: run.dead + run.conflict === 0 && run.letters > 0 ? "good" : "bad" }, [sum]),
    ...skipped,
    ...(rows.length > 0
      ? [table("Would fail again", [...domainHeads(domains), "Code", "Problem", "Letters", "Sample"], rows)]
      : []),
  );
}

byId("bulk-run").addEventListener("click", async () => {
  if (!bulkForm.reportValidity()) return;
  const { author: who, reason, failures_max } = bulkForm.elements;
  remember(who.value);
  byId("bulk-run").disabled = true;
  try {
    const bulk = await post("/deadletters/redrive", {
      ...tried,
      author: who.value,
      reason: reason.value,
      failures_max: Number(failures_max.value),
    });
    location.assign(`/ui/redrive?id=${bulk.id}`);
  } catch (error) {
    complain(byId("bulk-result"), error);
  }
});

fill();
// The forms work before these answers arrive.
domains = await loadDomains();
offerDomains(form.elements.domain, domains, form.elements.domain.value);
await show();
