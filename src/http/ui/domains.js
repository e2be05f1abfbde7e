/** Domain filter and domain column; both are hidden if there is only one domain. */
import { get } from "/ui/api.js";
import { cell, element } from "/ui/dom.js";

/** Names of this process's domains; empty if the service does not answer. */
export async function loadDomains() {
  try {
    return (await get("/status.json")).domains.map(({ domain }) => domain);
  } catch {
    return [];
  }
}

/**
 * Fills a `<select>` inside a hidden `<label>`; shows the label if there is a choice. Keeps the first option (all).
 * @param chosen selected domain or empty; offered even if another process runs it.
 */
export function offerDomains(select, domains, chosen) {
  const offered = chosen === "" || domains.includes(chosen) ? domains : [...domains, chosen];
  select.replaceChildren(select.options[0], ...offered.map((domain) => element("option", {}, [domain])));
  select.value = chosen;
  select.closest("label").hidden = offered.length < 2;
}

export const domainHeads = (domains) => (domains.length > 1 ? ["Domain"] : []);

export const domainCells = (domains, domain) => (domains.length > 1 ? [cell("Domain", domain, "words")] : []);
