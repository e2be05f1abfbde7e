/** Pauses and resumes sources on the status page, and shows who paused one and why. */
import { complain, complainOfUpdate, get, post } from "/ui/api.js";
import { author, ifAllowed, remember } from "/ui/author.js";
import { button, byId, cell, element, table, time, visible } from "/ui/dom.js";
import { update } from "/ui/live.js";

async function load() {
  const { sources } = await get("/sources");
  update(byId("pauses"), table("Paused sources", HEADS, sources.map(rowOf)));
}

function rowOf({ domain, source, paused }) {
  const act = paused ? "resume" : "pause";
  const label = `${paused ? "Resume" : "Pause"} ${source} of ${domain}`;
  return element("tr", { "data-key": `${domain}/${source}` }, [
    cell("Domain", domain),
    cell("Source", source),
    cell("State", paused ? element("span", { class: "bad" }, ["paused"]) : "running"),
    cell("By", paused ? visible(paused.author) : ""),
    cell("Reason", paused ? visible(paused.reason) : ""),
    cell("Since", paused ? time(paused.since) : ""),
    cell(
      "Action",
      button(paused ? "Resume" : "Pause", () => change(domain, source, act), {
        class: "secondary",
        "aria-label": label,
        ...ifAllowed,
      }),
    ),
  ]);
}

async function change(domain, source, act) {
  if (!byId("pauses-form").reportValidity()) return;
  remember(byId("pauses-author").value);
  const place = byId("pauses-result");
  place.replaceChildren();
  try {
    const decision = { author: byId("pauses-author").value, reason: byId("pauses-reason").value };
    await post(`/sources/${domain}/${source}/${act}`, decision);
    await load();
    place.replaceChildren(`${source} of ${domain} is ${act}d. All processes follow within seconds.`);
  } catch (error) {
    complain(place, error);
  }
}

/** Another operator can change them at any time. */
async function keepLoading() {
  for (;;) {
    await load().catch((error) => complainOfUpdate(byId("pauses"), error));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Pauses change rarely. */
const PAUSE_MS = 5_000;
const HEADS = ["Domain", "Source", "State", "By", "Reason", "Since", "Action"];

byId("pauses-form").addEventListener("submit", (event) => event.preventDefault());
byId("pauses-author").value = author();
keepLoading();
