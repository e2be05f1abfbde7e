/** Rows to tick in the list of dead letters: one, a range with Shift, the page, or all letters that match. */
import { byId, cell, element } from "/ui/dom.js";
import { shortcut } from "/ui/shortcuts.js";

/** State of each ticked letter, by position. */
const ticked = new Map();
let isAll = false;
let boxes = [];
let last;
let onChange = () => {};

/** @param changed is called when other letters are selected. */
export function watchSelection(changed) {
  onChange = changed;
  byId("select-page").addEventListener("change", ({ target }) => {
    isAll = false;
    for (const box of boxes) tick(box, target.checked);
    show();
  });
  byId("select-all").addEventListener("click", () => {
    isAll = true;
    for (const box of boxes) tick(box, true);
    show();
  });
  shortcut("x", "tick the row, or untick it", () => {
    document.activeElement?.closest("tbody tr")?.querySelector("input[type=checkbox]")?.click();
  });
}

/** The first cell of a letter's row. */
export function tickCell({ position, state }) {
  const box = element("input", {
    type: "checkbox",
    value: position,
    "data-state": state,
    "aria-label": `Select the letter at position ${position}`,
  });
  box.addEventListener("click", (event) => {
    isAll = false;
    const from = event.shiftKey ? boxes.indexOf(last) : -1;
    const to = boxes.indexOf(box);
    const range = from < 0 ? [box] : boxes.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of range) tick(one, box.checked);
    last = box;
    show();
  });
  return cell("Select", box);
}

/** After the rows are in the page: nothing is selected. */
export function beginSelection() {
  boxes = [...document.querySelectorAll("#letters tbody input[type=checkbox]")];
  ticked.clear();
  isAll = false;
  last = undefined;
  show();
}

/** @returns `all`, or the states of the ticked letters by position. */
export function selection() {
  return isAll ? "all" : ticked;
}

function tick(box, isTicked) {
  box.checked = isTicked;
  if (isTicked) ticked.set(box.value, box.dataset.state);
  else ticked.delete(box.value);
}

function show() {
  const page = byId("select-page");
  page.checked = boxes.length > 0 && ticked.size === boxes.length;
  page.indeterminate = ticked.size > 0 && !page.checked;
  onChange();
}
