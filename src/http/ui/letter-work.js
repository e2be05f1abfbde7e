/** Actions on the selected letters: redrive after a dry run, repair, discard, restore, export. */
import { complain, post } from "/ui/api.js";
import { author, remember } from "/ui/author.js";
import { byId, cell, element, link, table, visible } from "/ui/dom.js";
import { domainCells, domainHeads } from "/ui/domains.js";

const form = byId("work-form");
const run = byId("run");
let domainsOf = () => [];
let reload = () => {};
/** The action and its letters, fixed when the panel opens, so later letters are not included. */
let work;

/** @param changed reloads the list. */
export function watchWork(domains, changed) {
  domainsOf = domains;
  reload = changed;
  form.elements.author.value = author();
}

/** @param letters number of ticked letters; undefined if the filter selects them. */
export async function openWork(action, { filter, letters }) {
  if (action === "repair") {
    location.assign(`/ui/repair?${new URLSearchParams(filter)}`);
    return;
  }
  work = { action, filter: { ...filter }, letters };
  if (letters === undefined) {
    work.filter.state = action === "restore" ? "discarded" : "open";
    work.filter.until ??= new Date().toISOString();
  }
  byId("done").replaceChildren();
  byId("work-result").replaceChildren();
  byId("work-text").textContent = "";
  byId("work-title").textContent = TITLES[action];
  for (const part of form.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== action;
  for (const field of form.querySelectorAll("[data-of] input")) field.disabled = action !== "redrive";
  run.textContent = TITLES[action];
  run.className = action === "discard" ? "danger" : "primary";
  run.disabled = true;
  run.hidden = action === "redrive";
  byId("work").hidden = false;
  byId("work-title").focus();
  if (action !== "redrive") await count();
}

/** A discard or restore needs no dry run, only the number of letters. */
async function count() {
  const { action, filter, letters } = work;
  const counted = work;
  try {
    const { letters: found } = await post(`/deadletters/${action}?dryRun=true`, {
      filter,
      limit: LETTERS_MAX,
    });
    if (counted !== work) return;
    const others =
      letters === undefined || letters === found ? "" : ` of ${letters.toLocaleString()} selected`;
    const state = action === "discard" ? "open" : "discarded";
    byId("work-text").textContent =
      found === 0
        ? `None of the letters is ${state}, so there is nothing to ${action}.`
        : `${found.toLocaleString()}${others} ${letterNoun(found)} will be ${DONE[action]}. This can be undone.`;
    run.textContent = `${TITLES[action]} ${found.toLocaleString()} ${letterNoun(found)}`;
    run.disabled = found === 0;
  } catch (error) {
    complain(byId("work-result"), error, count);
  }
}

byId("try").addEventListener("click", async () => {
  if (!form.elements.limit.reportValidity()) return;
  const tried = work;
  tried.limit = Number(form.elements.limit.value);
  run.disabled = true;
  byId("work-result").replaceChildren(element("p", {}, ["Dry run in progress; nothing is changed…"]));
  try {
    const trial = await post("/deadletters/redrive?dryRun=true", {
      filter: tried.filter,
      limit: tried.limit,
    });
    if (tried === work) showTrial(trial);
  } catch (error) {
    complain(byId("work-result"), error);
  }
});

function showTrial(trial) {
  const untried = Object.values(trial.not_run_here).reduce((sum, letters) => sum + letters, 0);
  const isOfUse = trial.projected + trial.duplicate + untried > 0;
  run.hidden = false;
  run.disabled = !isOfUse;
  run.textContent = `Redrive ${trial.letters.toLocaleString()} ${letterNoun(trial.letters)}`;
  byId("try").className = "secondary";
  const { letters } = work;
  const isLess = letters !== undefined && trial.letters < letters;
  byId("work-text").textContent = isLess
    ? `${trial.letters.toLocaleString()} of ${letters.toLocaleString()} selected letters are open.`
    : "";
  const sum = `${trial.letters.toLocaleString()} letters: ${trial.projected.toLocaleString()} would be processed, ${trial.duplicate.toLocaleString()} duplicates, ${trial.conflict.toLocaleString()} conflicts, ${trial.dead.toLocaleString()} would fail again.`;
  const skipped = Object.entries(trial.not_run_here).map(([domain, count]) =>
    element("p", { class: "bad" }, [
      visible(
        `Not tried: ${count.toLocaleString()} letters of the domain ${domain}, which does not run in this process.`,
      ),
    ]),
  );
  const domains = domainsOf();
  const rows = trial.failures.map((failure) =>
    element("tr", {}, [
      ...domainCells(domains, failure.domain),
      cell("Code", failure.code, "words"),
      cell("Problem", visible(`${failure.errors[0].path || "the document"}: ${failure.errors[0].expected}`)),
      cell("Letters", failure.count.toLocaleString(), "number"),
      cell("Sample", link(`/ui/message?position=${failure.sample}`, failure.sample), "words"),
    ]),
  );
  byId("work-result").replaceChildren(
    element("p", { class: trial.dead + trial.conflict === 0 && trial.letters > 0 ? "good" : "bad" }, [sum]),
    ...(isOfUse
      ? []
      : [
          element("p", { id: "no-use" }, [
            "A redrive is not possible: no letter would be accepted. Repair them, or wait for a fixed release.",
          ]),
        ]),
    ...skipped,
    ...(rows.length > 0
      ? [table("Would fail again", [...domainHeads(domains), "Code", "Problem", "Letters", "Sample"], rows)]
      : []),
  );
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  // Enter in a field submits the form even before the dry run.
  if (run.hidden || run.disabled || !form.reportValidity()) return;
  const { action, filter, limit = LETTERS_MAX } = work;
  const { author: who, reason, failures_max } = form.elements;
  remember(who.value);
  run.disabled = true;
  try {
    const body = { filter, limit, author: who.value, reason: reason.value };
    if (action === "redrive") {
      const bulk = await post("/deadletters/redrive", { ...body, failures_max: Number(failures_max.value) });
      location.assign(`/ui/redrive?id=${bulk.id}`);
      return;
    }
    const bulk = await post(`/deadletters/${action}`, body);
    if (bulk.status === "running") location.assign(`/ui/redrive?decision=${bulk.id}`);
    else await showDone(bulk);
  } catch (error) {
    complain(byId("work-result"), error);
    run.disabled = false;
  }
});

async function showDone({ id, action, decided, skipped }) {
  close();
  await reload();
  const left =
    skipped === 0 ? "" : ` ${skipped.toLocaleString()} were skipped, because another action came first.`;
  byId("done").replaceChildren(
    element("p", { class: "good" }, [
      `${decided.toLocaleString()} ${letterNoun(decided)} ${DONE[action]}.${left} `,
      link(`/ui/redrive?decision=${id}`, "Details"),
    ]),
  );
  byId("selected").focus();
}

function close() {
  work = undefined;
  byId("work").hidden = true;
}

byId("dismiss").addEventListener("click", () => {
  close();
  byId("selected").focus();
});

/** @param what the letters in words. */
export function showExports(filter, what) {
  byId("exported").textContent = what;
  for (const format of ["csv", "ndjson"]) {
    const query = new URLSearchParams({ format, ...filter });
    byId(`export-${format}`).href = `/deadletters/export?${query}`;
  }
}

export const letterNoun = (count) => (count === 1 ? "letter" : "letters");

const TITLES = { redrive: "Redrive", discard: "Discard", restore: "Restore" };
const DONE = { discard: "discarded", restore: "reopened" };

/** The maximum of the routes. */
const LETTERS_MAX = 1_000_000;
