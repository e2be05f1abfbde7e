/**
 * Shows live data without disturbing the reader. Only what differs is changed, so the focus, a selection and the place
 * on the screen stay. While the reader is in a list, its rows neither move nor vanish, and a button counts the new ones.
 */
import { element } from "/ui/dom.js";

/**
 * Replaces the content of a place. Elements with `data-key` are the rows of a list; a row keeps its elements and their
 * listeners as long as its key is shown, so listeners may depend on nothing but the key.
 */
export function update(place, ...content) {
  const keep = holdSight();
  const fresh = place.cloneNode(false);
  fresh.append(...content);
  const list = lists.get(place) ?? follow(place);
  if (isRead(place, list)) hold(place, list, fresh);
  else {
    list.news?.remove();
    list.waiting = undefined;
    patchChildren(place, fresh);
  }
  keep();
}

/**
 * Browsers keep what is in sight only on a page that is scrolled already, and some never do.
 * @returns a function that scrolls the element with the focus, or under the pointer, back to its place on the screen.
 */
function holdSight() {
  const isInSight = (found) =>
    found.getBoundingClientRect().bottom > 0 && found.getBoundingClientRect().top < innerHeight;
  const [anchor] = [
    document.activeElement,
    ...[...document.querySelectorAll("main :hover")].reverse(),
  ].filter((found) => found?.closest("main") && isInSight(found));
  if (anchor === undefined) return () => {};
  const { top } = anchor.getBoundingClientRect();
  return () => {
    const moved = anchor.isConnected ? anchor.getBoundingClientRect().top - top : 0;
    if (moved !== 0) scrollBy({ top: moved, behavior: "instant" });
  };
}

/** By place: `news` counts new rows, `waiting` shows what is held back. */
const lists = new WeakMap();

function follow(place) {
  const list = { news: undefined, waiting: undefined };
  // After the focus has moved.
  const settle = () => setTimeout(() => isRead(place, list) || list.waiting?.());
  place.addEventListener("pointerleave", settle);
  place.addEventListener("focusout", settle);
  lists.set(place, list);
  return list;
}

/** @returns whether the reader points at the list, has the focus in it, reads below its begin, or has news to take. */
function isRead(place, { news }) {
  if (rowsOf(place).length === 0) return false;
  return (
    news?.isConnected ||
    place.matches(":hover") ||
    place.contains(document.activeElement) ||
    place.getBoundingClientRect().top < 0
  );
}

/** Changes the cells of known rows now, and the rows later. */
function hold(place, list, fresh) {
  const freshRows = rowsOf(fresh);
  const known = new Map(rowsOf(place).map((row) => [row.dataset.key, row]));
  const added = freshRows.filter((row) => !known.has(row.dataset.key));
  if (freshRows.length === 0) list.waiting = () => patchChildren(place, fresh);
  else {
    const kept = new Map(freshRows.map((row) => [row.dataset.key, row]));
    const order = freshRows.map((row) => known.get(row.dataset.key) ?? row);
    freshRows[0].parentElement.replaceChildren(
      ...[...known].map(([key, row]) => kept.get(key) ?? row.cloneNode(true)),
    );
    patchChildren(place, fresh);
    list.waiting = () => arrange(rowsOf(place)[0]?.parentElement, order);
  }
  if (added.length > 0) announce(place, list, added);
  else list.news?.remove();
}

function announce(place, list, added) {
  const count = `${added.length.toLocaleString()} new`;
  list.added = added;
  if (list.news?.isConnected) {
    const [shown] = list.news.getElementsByTagName("button");
    if (shown.textContent !== count) shown.textContent = count;
    return;
  }
  const take = element("button", { type: "button", class: "secondary" }, [count]);
  take.addEventListener("click", () => {
    list.news.remove();
    list.waiting();
    list.added[0].querySelector("a[href], button")?.focus();
  });
  // Read out once, not at each change of the count.
  const said = element("p", { class: "unseen", role: "status" }, []);
  list.news = element("div", { class: "news" }, [said, take]);
  (place.closest("table") ?? place).before(list.news);
  said.textContent = "The list has new rows.";
}

const rowsOf = (place) => [...place.querySelectorAll("[data-key]")];

function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  // A button keeps its listener, so one with another name is another button.
  const isOther = old.nodeName !== fresh.nodeName || old.nodeName === "BUTTON";
  if (isOther) {
    const hasFocus = old === document.activeElement;
    old.replaceWith(fresh);
    if (hasFocus) fresh.focus();
  } else if (old.nodeType === Node.TEXT_NODE) old.data = fresh.data;
  else {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    patchChildren(old, fresh);
  }
}

function patchChildren(old, fresh) {
  const kept = new Map([...old.children].map((child) => [child.dataset?.key, child]));
  const wanted = [...fresh.childNodes];
  const plain = [...old.childNodes].filter((node) => node.dataset?.key === undefined);
  const matches = wanted.map((node) =>
    node.dataset?.key === undefined ? plain.shift() : kept.get(node.dataset.key),
  );
  arrange(
    old,
    wanted.map((node, index) => matches[index] ?? node),
  );
  for (const [index, match] of matches.entries()) if (match) patch(match, wanted[index]);
}

/** Moves no node that is in its place already: a moved node loses the focus. */
function arrange(parent, nodes) {
  const staying = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!staying.has(node)) node.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}
