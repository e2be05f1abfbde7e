/** The domains of the service: a field to choose one, and a column that shows them. One domain alone needs neither. */
import { get } from "/ui/api.js";
import { cell, element } from "/ui/dom.js";

/** The names of the domains that run in this process; none if the service does not answer. */
export async function loadDomains() {
  try {
    return (await get("/status.json")).domains.map(({ domain }) => domain);
  } catch {
    return [];
  }
}

/**
 * Offers the domains in a `<select>` inside a hidden `<label>`, and shows the label if there is a choice.
 * The first option, for all domains, stays.
 * @param chosen the domain that is chosen, or an empty text; it is offered even if another process runs it.
 */
export function offerDomains(select, domains, chosen) {
  const offered = chosen === "" || domains.includes(chosen) ? domains : [...domains, chosen];
  select.replaceChildren(select.options[0], ...offered.map((domain) => element("option", {}, [domain])));
  select.value = chosen;
  select.closest("label").hidden = offered.length < 2;
}

/** The head of the column, if there are several domains. */
export const domainHeads = (domains) => (domains.length > 1 ? ["Domain"] : []);

/** The cell of the column, if there are several domains. */
export const domainCells = (domains, domain) => (domains.length > 1 ? [cell("Domain", domain, "words")] : []);
