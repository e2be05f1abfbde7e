/** Events that the broker permanently refuses; the section is hidden if there are none. */
import { complain, complainOfUpdate, get, post } from "/ui/api.js";
import { author, ifAllowed, remember } from "/ui/author.js";
import { button, byId, cell, element, positionLink, table, time, visible } from "/ui/dom.js";
import { update } from "/ui/live.js";

async function load() {
  const { refusals } = await get("/outbox");
  byId("refused").hidden = refusals.length === 0;
  update(byId("refused-events"), table("Refused events", HEADS, refusals.map(rowOf)));
}

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
    await load().catch((error) => complainOfUpdate(byId("refused-events"), error));
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
    // The operator's own action shows at once, although the pointer is in the list.
    byId("refused-events").replaceChildren();
    await load();
  } catch (error) {
    complain(place, error);
  }
}

/** Refusals change rarely. */
const PAUSE_MS = 3_000;
const HEADS = ["Event", "Domain", "Topic", "Reason", "Since", "Action"];

byId("refused-form").addEventListener("submit", (event) => event.preventDefault());
byId("refused-author").value = author();
keepLoading();
