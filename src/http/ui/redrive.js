/** Progress of a bulk redrive. */
import { complain, get, post } from "/ui/api.js";
import { author, remember } from "/ui/author.js";
import { byId, cell, element, facts, link, table, time, visible } from "/ui/dom.js";
import { loadDomains } from "/ui/domains.js";

const id = new URLSearchParams(location.search).get("id");
const form = byId("cancel-form");
let domains = [];

async function refresh() {
  try {
    const bulk = await get(`/deadletters/redrives/${encodeURIComponent(id)}`);
    show(bulk);
    if (bulk.status === "running") setTimeout(refresh, 500);
  } catch (error) {
    complain(byId("redrive"), error);
    if (error.status === undefined) setTimeout(refresh, 2_000);
  }
}

function show(bulk) {
  const done = bulk.redriven + bulk.skipped;
  const words = {
    running: "Running",
    finished: "Finished",
    stopped: "Stopped: too many letters failed again",
    cancelled: "Cancelled",
  };
  const failures = bulk.failures.map((failure) =>
    element("tr", {}, [
      cell(
        "Code",
        link(
          `/ui/dead-letter-list?state=open&fingerprint=${failure.fingerprint}&domain=${bulk.domain}`,
          failure.code,
        ),
        "words",
      ),
      cell("Letters", failure.count.toLocaleString(), "number"),
      cell("Sample", link(`/ui/dead-letter?position=${failure.sample}`, failure.sample), "words"),
    ]),
  );
  byId("redrive").replaceChildren(
    element("p", { id: "status", class: bulk.dead > 0 ? "bad" : "good" }, [words[bulk.status]]),
    element("progress", { value: done, max: bulk.letters, "aria-label": "Letters done" }),
    facts([
      ...(domains.length > 1 ? [["Domain", bulk.domain]] : []),
      ["Done", `${done.toLocaleString()} of ${bulk.letters.toLocaleString()}`],
      ["Processed", bulk.projected.toLocaleString()],
      ["Duplicate", bulk.duplicate.toLocaleString()],
      ["Failed again", `${bulk.dead.toLocaleString()} (stops above ${bulk.failures_max.toLocaleString()})`],
      ["Skipped (no longer open)", bulk.skipped.toLocaleString()],
      ["Started", time(bulk.created_at)],
      ["Author", visible(bulk.author)],
      ["Reason", visible(bulk.reason)],
      ["Filter", visible(JSON.stringify(bulk.filter))],
    ]),
    ...(failures.length > 0 ? [table("Failed again", ["Code", "Letters", "Sample"], failures)] : []),
  );
  byId("cancel").hidden = bulk.status !== "running";
}

form.elements.author.value = author();
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  remember(form.elements.author.value);
  try {
    const { author: who, reason } = form.elements;
    show(await post(`/deadletters/redrives/${id}/cancel`, { author: who.value, reason: reason.value }));
  } catch (error) {
    complain(byId("cancel-result"), error);
  }
});

// The form works before these answers arrive.
domains = await loadDomains();
await refresh();
