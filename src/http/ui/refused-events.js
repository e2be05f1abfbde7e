/** Events that the broker permanently refuses; the section is hidden if no domain has any. */
import { complain, complainOfUpdate, get, post } from "/ui/api.js";
import { author, ifAllowed, remember } from "/ui/author.js";
import { button, byId, cell, element, positionLink, table, time, visible } from "/ui/dom.js";
import { update } from "/ui/live.js";

let choice;

/** @param select of the domain; empty: all. */
export function showRefusals(select) {
  choice = select;
  choice.addEventListener("change", () => reload().catch(complainOfLoad));
  keepLoading();
}

async function load() {
  const domain = choice.value;
  const query = domain === "" ? "" : `?${new URLSearchParams({ domain })}`;
  const { refusals } = await get(`/outbox${query}`);
  const isAny = refusals.length > 0 || (domain !== "" && (await get("/outbox")).refusals.length > 0);
  // Another domain was selected meanwhile.
  if (domain !== choice.value) return;
  byId("refused").hidden = !isAny;
  update(
    byId("refused-events"),
    refusals.length > 0
      ? table("Refused events", HEADS, refusals.map(rowOf))
      : element("p", {}, ["No refused events of this domain."]),
  );
}

/** What the operator asks for shows at once, even if the pointer is in the list. */
function reload() {
  byId("refused-events").replaceChildren();
  return load();
}

const complainOfLoad = (error) => complainOfUpdate(byId("refused-events"), error);

function rowOf({ domain, position, ordinal, topic, reason, state, since }) {
  const decide = (action) => () => act(`/outbox/${position}/${ordinal}/${action}`);
  const actions = [
    button("Release", decide("release"), { class: "secondary", ...ifAllowed }),
    " ",
    button("Discard", decide("discard"), { class: "danger", ...ifAllowed }),
  ];
  return element("tr", { "data-key": `${position}/${ordinal}` }, [
    cell("Event", positionLink(position, `${position}/${ordinal}`)),
    cell("Domain", domain),
    cell("Topic", visible(topic)),
    cell("Reason", reason),
    cell("Since", time(since)),
    cell("Action", state === "blocked" ? actions : "decided; the relay will continue soon"),
  ]);
}

/** The relay or another operator can change them at any time. */
async function keepLoading() {
  for (;;) {
    await load().catch(complainOfLoad);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function act(address) {
  if (!byId("refused-form").reportValidity()) return;
  remember(byId("refused-author").value);
  const place = byId("refused-result");
  place.replaceChildren();
  try {
    await post(address, { author: byId("refused-author").value, reason: byId("refused-reason").value });
    await reload();
  } catch (error) {
    complain(place, error);
  }
}

/** Refusals change rarely. */
const PAUSE_MS = 3_000;
const HEADS = ["Event", "Domain", "Topic", "Reason", "Since", "Action"];

byId("refused-form").addEventListener("submit", (event) => event.preventDefault());
byId("refused-author").value = author();
