/** Links to the letters before and after a dead letter in its list. The shell's keys n and p follow them. */
import { complain, get } from "/ui/api.js";
import { element, link } from "/ui/dom.js";

/** Kept when the letter's state changes, so that an operator can work through a list. */
let filter;

/** The filter is that of the page's address; without one, the letter's group. */
export async function showNeighbours(place, letter) {
  filter ??= filterOf(letter);
  place.hidden = false;
  try {
    show(place, await get(`/deadletters/${letter.position}/neighbours?${filter}`));
  } catch (error) {
    complain(place, error);
  }
}

function show(place, { previous, next, index, total }) {
  place.replaceChildren(
    ...to(previous, "prev", "← Previous"),
    element("span", { class: "quiet" }, [placeIn(index, total)]),
    ...to(next, "next", "Next →"),
    link(`/ui/dead-letter-list?${filter}`, "The list"),
  );
}

function filterOf({ state, domain, fingerprint }) {
  const asked = new URLSearchParams(location.search);
  for (const name of ["position", "before", "limit"]) asked.delete(name);
  return asked.size > 0 ? asked : new URLSearchParams({ state, domain, fingerprint });
}

function placeIn(index, total) {
  if (total === null) return "";
  const letters = `${total.is_exact ? "" : "more than "}${total.letters.toLocaleString()}`;
  return index === null ? `${letters} letters` : `${index.toLocaleString()} of ${letters}`;
}

function to(position, rel, label) {
  if (position === null) return [];
  const made = link(`/ui/dead-letter?position=${position}&${filter}`, label);
  made.rel = rel;
  return [made];
}
