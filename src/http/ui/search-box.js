/** The search in the head of every page: one match opens at once, several are listed. */
import { byId } from "/ui/dom.js";

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(`/ui/search?${new URLSearchParams({ q: byId("search-text").value })}`);
});
