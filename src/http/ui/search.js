/**
 * The matches of a search, in all domains or the one of the URL. A single match opens at once, so that an identifier
 * leads to its message in one step.
 */
import { complain, get } from "/ui/api.js";
import { byId, cell, element, link, table, time, visible } from "/ui/dom.js";
import { loadDomains, offerDomains } from "/ui/domains.js";

const asked = new URLSearchParams(location.search);
const text = asked.get("q") ?? "";
const domain = asked.get("domain") ?? "";
const form = byId("filter");

const queryOf = (chosen) => new URLSearchParams({ q: text, ...(chosen === "" ? {} : { domain: chosen }) });

async function search() {
  try {
    const found = await get(`/find?${queryOf(domain)}`);
    const [first] = found.matches;
    if (found.matches.length === 1 && !found.has_more) location.replace(first.page);
    else if (first) showMatches(found);
    else showNothing(found);
  } catch (error) {
    complain(byId("found"), error, search);
  }
}

function showMatches({ matches, has_more }) {
  byId("found").replaceChildren(
    table("Matches", HEADS, matches.map(rowOf)),
    ...(has_more ? [element("p", {}, ["There are more matches; only these are shown."])] : []),
  );
  byId("found").querySelector("a").focus();
}

function rowOf(match) {
  const [name, outcome, source, received] =
    match.kind === "group"
      ? [
          `group ${match.fingerprint}`,
          `${match.code}: ${match.letters.toLocaleString()} dead letters, ${match.open.toLocaleString()} open`,
          "",
          "",
        ]
      : [
          `position ${match.position}`,
          match.code ? `${WORDS[match.outcome]}: ${match.code}` : WORDS[match.outcome],
          visible(`${match.source}, channel ${match.channel}`),
          time(match.received_at),
        ];
  return element("tr", {}, [
    cell("Match", link(match.page, name), "words"),
    cell("Found as", match.matched.join(", "), "words"),
    cell("Domain", match.domain, "words"),
    cell("Outcome", outcome, "words"),
    cell("Source", source, "words"),
    cell("Received", received, "words"),
  ]);
}

function showNothing({ looked_for, forms }) {
  byId("found").replaceChildren(
    element("p", { role: "alert" }, [
      visible(`Nothing was found for “${text}”${domain === "" ? "" : ` in ${domain}`}.`),
    ]),
    element("h3", {}, ["It was looked for as"]),
    listOf(looked_for),
    element("h3", {}, ["What a search can find"]),
    listOf(forms),
  );
}

const listOf = (texts) =>
  element(
    "ul",
    {},
    texts.map((one) => element("li", {}, [visible(one)])),
  );

const WORDS = { pending: "pending", projected: "processed", duplicate: "duplicate", dead: "dead" };
const HEADS = ["Match", "Found as", "Domain", "Outcome", "Source", "Received"];

async function showDomains() {
  offerDomains(form.elements.domain, await loadDomains(), domain);
  form.hidden = form.elements.domain.closest("label").hidden;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = String(queryOf(form.elements.domain.value));
});

byId("search-text").value = text;
await Promise.all([search(), showDomains()]);
