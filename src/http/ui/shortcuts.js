/**
 * Keyboard shortcuts. The sheet lists what is registered, so it is never wrong. Matching by the typed character instead
 * of by key and modifiers makes `?` and `/` work on every keyboard layout.
 */
import { byId, element } from "/ui/dom.js";

const shortcuts = new Map();

/**
 * @param keys one character, or two with a space between, to be typed one after the other.
 * @param run undefined for what the browser does itself; then the sheet only lists it.
 */
export function shortcut(keys, label, run) {
  if (shortcuts.has(keys)) throw new Error(`the shortcut ${keys} is taken`);
  shortcuts.set(keys, { label, run });
}

let before = { key: "", at: 0 };

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (!areOn() || event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  const isSecond = event.timeStamp - before.at < SECOND_KEY_MS;
  const found = (isSecond && shortcuts.get(`${before.key} ${event.key}`)) || shortcuts.get(event.key);
  before = { key: event.key, at: event.timeStamp };
  if (!found?.run) return;
  before.key = "";
  event.preventDefault();
  found.run();
});

/** WCAG 2.1.4: speech input can type such a character by mistake. */
const areOn = () => localStorage.getItem("waybill-shortcuts") !== "off";

function showSheet() {
  const choice = element("input", { type: "checkbox", ...(areOn() ? { checked: "" } : {}) });
  choice.addEventListener("change", () =>
    localStorage.setItem("waybill-shortcuts", choice.checked ? "on" : "off"),
  );
  const close = element("button", { type: "button", class: "secondary" }, ["Close"]);
  const sheet = element("dialog", { id: "shortcuts", "aria-labelledby": "shortcuts-title" }, [
    element("h2", { id: "shortcuts-title" }, ["Keyboard shortcuts"]),
    element(
      "dl",
      { class: "facts" },
      [...shortcuts].flatMap(([keys, { label }]) => [
        element(
          "dt",
          {},
          keys.split(" ").map((key) => element("kbd", {}, [key])),
        ),
        element("dd", {}, [label]),
      ]),
    ),
    element("label", { class: "check" }, [choice, " Shortcuts of a single key"]),
    close,
  ]);
  close.addEventListener("click", () => sheet.close());
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
}

/** @param step 1 for the next row, -1 for the previous one. */
function moveInRows(step) {
  const targets = [...document.querySelectorAll("main tbody tr")].flatMap((row) => {
    const target = row.querySelector("a[href], button:not(:disabled)");
    return target?.checkVisibility() ? [{ row, target }] : [];
  });
  const now = targets.findIndex(({ row }) => row.contains(document.activeElement));
  targets[now < 0 ? 0 : now + step]?.target.focus();
}

/** Pages after the first letter of their title that is free. */
function registerPages() {
  const taken = new Set();
  for (const link of document.querySelectorAll("#pages a")) {
    const letter = [...link.textContent.toLowerCase()].find((one) => /[a-z]/.test(one) && !taken.has(one));
    if (letter === undefined) continue;
    taken.add(letter);
    shortcut(`g ${letter}`, link.textContent, () => link.click());
  }
}

/** A page's own links, or the list from which the reader opened this page, lead to its neighbours. */
function registerNeighbours() {
  const stored = JSON.parse(sessionStorage.getItem(LIST) ?? "[]");
  const now = stored.indexOf(`${location.pathname}${location.search}`);
  if (now < 0 && !byId("neighbours")) return;
  const go = (rel, step) => () => {
    const own = document.querySelector(`#neighbours a[rel=${rel}]`);
    if (own) own.click();
    else if (now >= 0 && !byId("neighbours") && stored[now + step]) location.assign(stored[now + step]);
  };
  shortcut("n", "next entry of the list that led here", go("next", 1));
  shortcut("p", "previous entry of the list that led here", go("prev", -1));
}

addEventListener("click", ({ target }) => {
  const rows = target.closest?.("main tbody a[href]")?.closest("tbody").rows ?? [];
  const opened = [...rows].flatMap((row) => row.querySelector("a[href]")?.getAttribute("href") ?? []);
  if (opened.length > 0) sessionStorage.setItem(LIST, JSON.stringify(opened));
});

const LIST = "waybill-list";
const SECOND_KEY_MS = 1_500;

shortcut("?", "this sheet", showSheet);
const search = document.querySelector(
  "header input, main input[type=search], #filter input[name=q], #find input",
);
if (search) shortcut("/", "search", () => search.focus());
shortcut("j", "next row", () => moveInRows(1));
shortcut("k", "previous row", () => moveInRows(-1));
shortcut("Enter", "open the row");
registerPages();
registerNeighbours();
byId("keyboard").addEventListener("click", showSheet);
