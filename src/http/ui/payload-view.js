/**
 * Shows a payload: JSON laid out as a tree with its problems beside the values, other text as it came, bytes as a hex
 * dump. Of a large payload only the open objects and arrays become elements of the page.
 */
import { copy } from "/ui/copy.js";
import { button, element, visible } from "/ui/dom.js";
import { kindOf, lineOf, pointerOf, readRows, valueText } from "/ui/json-layout.js";
import { shortcut } from "/ui/shortcuts.js";

/**
 * @param payload as returned by the service. @param errors with their ranges.
 * @param load receives the start of another part that the operator asks for; without it, none can be asked for.
 */
export function viewPayload(payload, errors, load) {
  const ranges = rangesOf(payload, errors);
  const place = element("div", {});
  const tools = element("div", { class: "row wrap payload-tools" });
  const read = payload.encoding === "text" ? readRows(payload.content, payload.within) : undefined;
  let isRaw = false;
  const show = () => {
    const view = read && !isRaw ? new Tree(read, ranges).parts() : rawParts(payload, ranges);
    tools.replaceChildren(...view.tools);
    if (read) {
      const switching = button("Raw", toggle, { class: "secondary", "aria-pressed": String(isRaw) });
      tools.append(switching);
    }
    place.replaceChildren(...view.content);
    scrollToFirst(place);
  };
  const toggle = () => {
    isRaw = !isRaw;
    show();
    tools.lastChild.focus();
  };
  show();
  return [tools, place, ...leftOut(payload, load)];
}

/** Opens what hides the problem's place, and moves the focus there. */
export function goToProblem(index) {
  const place = document.getElementById(`place-${index}`);
  if (!place) return;
  for (let hidden = place.closest("[hidden]"); hidden; hidden = place.closest("[hidden]"))
    hidden.closest("[role=treeitem]").dispatchEvent(new Event("unfold"));
  place.scrollIntoView({ block: "center" });
  const item = place.closest("[role=treeitem]");
  if (item) item.dispatchEvent(new Event("choose"));
  else place.focus({ preventScroll: true });
}

/** Only the payload scrolls, not the page. */
function scrollToFirst(place) {
  requestAnimationFrame(() => {
    const box = place.querySelector(".payload");
    const first = place.querySelector("[id^=place-]");
    if (!box || !first) return;
    const below = first.getBoundingClientRect().top - box.getBoundingClientRect().top;
    if (below > box.clientHeight / 2) box.scrollTop += below - box.clientHeight / 2;
  });
}

/** Ranges of the problems in the visible part, in order. */
function rangesOf(payload, errors) {
  const ranges = [];
  for (const [index, error] of errors.entries()) {
    if (!error.range) continue;
    const start = error.range.start - payload.offset;
    const end = Math.max(start + 1, error.range.end - payload.offset);
    if (start >= 0 || end > 0) ranges.push({ start: Math.max(0, start), end, index, error });
  }
  return ranges.sort((one, other) => one.start - other.start);
}

function leftOut({ is_whole, content, encoding, length, offset }, load) {
  if (is_whole) return [];
  const shown = encoding === "base64" ? atob(content).length : content.length;
  const unit = encoding === "base64" ? "Bytes" : "Characters";
  const end = offset + shown;
  const numbers = [offset + 1, end, length].map((number) => number.toLocaleString());
  const buttons = load
    ? [
        ...(offset > 0 ? [button("Load from the start", () => load(0), { class: "secondary" })] : []),
        ...(end < length ? [button("Load the next part", () => load(end), { class: "secondary" })] : []),
      ]
    : [];
  return [
    element("p", { class: "left-out" }, [
      `${unit} ${numbers[0]} to ${numbers[1]} of ${numbers[2]} are shown. The download has all.`,
    ]),
    element("div", { class: "row wrap" }, buttons),
  ];
}

/** One row is selected; the keys and the buttons act on it. */
class Tree {
  #read;
  #faults = new Map();
  /** Rows with a problem in or below them. */
  #faulty = new Set();
  #isSmall;
  #selected;
  #rows = new WeakMap();
  #tree = element("div", { class: "payload", role: "tree", "aria-label": "Payload" });
  #path = element("output", { class: "path" });

  constructor(read, ranges) {
    this.#read = read;
    this.#isSmall = read.rows.length <= OPENED_ROWS_MAX;
    for (const range of ranges) {
      const token = tokenAt(read, range.start);
      const row = read.rowOf[token];
      this.#faults.set(token, [...(this.#faults.get(token) ?? []), range]);
      for (let at = row; at; at = at.above) this.#faulty.add(at);
    }
    this.#fill(this.#tree, read.top);
    this.#tree.addEventListener("keydown", (event) => this.#onKey(event));
    this.#tree.addEventListener("click", (event) => this.#onClick(event));
    const first = this.#tree.querySelector(".fault")?.closest("[role=treeitem]");
    this.#select(first ?? this.#tree.firstChild);
  }

  parts() {
    return {
      tools: [
        button("Copy value", () => this.#copyValue(), { class: "secondary" }),
        button("Copy path", () => this.#copyPath(), { class: "secondary" }),
        this.#path,
      ],
      content: [this.#tree],
    };
  }

  /** Many rows are shown in parts: the first ones, and those around problems. */
  #fill(place, rows) {
    const isShown = (index) =>
      index < ROWS_SHOWN ||
      (rows.length > ROWS_SHOWN &&
        rows
          .slice(Math.max(0, index - ROWS_AROUND), index + ROWS_AROUND + 1)
          .some((row) => this.#faulty.has(row)));
    for (let index = 0; index < rows.length; index++) {
      if (rows.length <= ROWS_SHOWN || isShown(index)) {
        place.append(this.#item(rows[index]));
        continue;
      }
      const from = index;
      while (index + 1 < rows.length && !isShown(index + 1)) index++;
      place.append(this.#gap(rows.slice(from, index + 1)));
    }
  }

  #gap(rows) {
    const label = `⋯ ${rows.length.toLocaleString()} more`;
    const item = element("div", { role: "treeitem", class: "gap", tabindex: "-1" }, [label]);
    item.addEventListener("enter", () => {
      const more = rows.slice(0, ROWS_SHOWN).map((row) => this.#item(row));
      if (rows.length > ROWS_SHOWN) more.push(this.#gap(rows.slice(ROWS_SHOWN)));
      item.replaceWith(...more);
      this.#choose(more[0]);
    });
    return item;
  }

  #item(row) {
    const item = element("div", { role: "treeitem", tabindex: "-1" });
    this.#rows.set(item, row);
    item.addEventListener("choose", () => this.#choose(item));
    if (!row.children?.length) {
      const show = (isWhole) => {
        const tokens = [...this.#line(row, row.first, row.headEnd, isWhole)];
        if (row.children) tokens.push(...this.#line(row, row.tail, row.tailEnd, isWhole));
        item.replaceChildren(element("div", { class: "line" }, tokens));
        label(item);
      };
      show(false);
      item.addEventListener("enter", () => show(true));
      return item;
    }
    const fold = element("span", { class: "fold", "aria-hidden": "true" });
    const summary = element("span", { class: "summary" });
    const group = element("div", { role: "group", ...(row.depth > INDENTED_MAX ? { class: "deep" } : {}) });
    const tail = element("div", { class: "line" }, this.#line(row, row.tail, row.tailEnd, false));
    const noun = row.bracket === "[" ? "items" : "members";
    const close = row.bracket === "[" ? "]" : "}";
    const set = (isOpen) => {
      item.setAttribute("aria-expanded", String(isOpen));
      if (isOpen && !group.hasChildNodes()) this.#fill(group, row.children);
      group.hidden = !isOpen;
      tail.hidden = !isOpen;
      fold.textContent = isOpen ? "▾" : "▸";
      summary.textContent = isOpen ? "" : ` ⋯ ${row.children.length.toLocaleString()} ${noun} ${close}`;
      label(item);
    };
    const head = element("div", { class: "line" }, [
      fold,
      ...(row.isImplied ? this.#implied(row) : this.#line(row, row.first, row.headEnd, false)),
      summary,
    ]);
    item.append(head, group, tail);
    item.addEventListener("unfold", () => set(true));
    item.addEventListener("fold", () => set(false));
    item.addEventListener("enter", () => set(group.hidden));
    set(this.#isSmall || row.depth === 1 || this.#faulty.has(row));
    return item;
  }

  /** An object or array that begins before the part. */
  #implied(row) {
    const name = row.above.bracket === "{" ? `${visible(row.step)}: ` : "";
    return [element("span", { class: "quiet" }, [`${name}${row.bracket} ⋯`])];
  }

  #line(row, from, to, isWhole) {
    const { text, starts, ends } = this.#read;
    const parts = [];
    if (row.first === from && from < to && !row.isNamed && typeof row.step === "string")
      parts.push(element("span", { class: "quiet" }, [`${visible(row.step)}: `]));
    const faults = [];
    for (const { token, space } of lineOf(this.#read, from, to)) {
      const found = this.#faults.get(token) ?? [];
      faults.push(...found);
      const marked = found.map(({ start, end }) => ({
        start: start - starts[token],
        end: Math.min(end, ends[token]) - starts[token],
      }));
      const pieces = cutText(text.slice(starts[token], ends[token]), marked, isWhole);
      parts.push(space, element("span", { class: `json-${kindOf(this.#read, row, token)}` }, pieces));
    }
    for (const { index, error } of faults) parts.push(" ", faultText(error, index, pointerOf(row)));
    return parts;
  }

  #onClick({ target }) {
    const item = target.closest("[role=treeitem]");
    if (!item) return;
    this.#choose(item);
    if (target.closest(".fold, .summary, .cut, .gap")) item.dispatchEvent(new Event("enter"));
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const item = this.#selected;
    const isFolded = item.getAttribute("aria-expanded") === "false";
    const isOpen = item.getAttribute("aria-expanded") === "true";
    const actions = {
      ArrowDown: () => this.#move(1),
      ArrowUp: () => this.#move(-1),
      Home: () => this.#choose(this.#tree.firstChild),
      End: () => this.#choose(this.#items().at(-1)),
      ArrowRight: () => (isFolded ? item.dispatchEvent(new Event("unfold")) : this.#move(1)),
      ArrowLeft: () =>
        isOpen
          ? item.dispatchEvent(new Event("fold"))
          : this.#choose(item.parentElement.closest("[role=treeitem]") ?? item),
      Enter: () => item.dispatchEvent(new Event("enter")),
      " ": () => item.dispatchEvent(new Event("enter")),
      c: () => this.#copyValue(),
      C: () => this.#copyPath(),
    };
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  }

  #items() {
    const items = this.#tree.querySelectorAll("[role=treeitem]");
    return [...items].filter((item) => !item.parentElement.closest("[hidden]"));
  }

  #move(by) {
    const items = this.#items();
    this.#choose(items[items.indexOf(this.#selected) + by] ?? this.#selected);
  }

  #choose(item) {
    this.#select(item);
    item.focus({ preventScroll: true });
    (item.querySelector(".line") ?? item).scrollIntoView({ block: "nearest" });
  }

  #select(item) {
    for (const [name, before, now] of [
      ["aria-selected", "false", "true"],
      ["tabindex", "-1", "0"],
    ]) {
      this.#selected?.setAttribute(name, before);
      item.setAttribute(name, now);
    }
    this.#selected = item;
    const row = this.#rows.get(item);
    this.#path.textContent = row ? visible(pointerOf(row)) || "the document" : "";
  }

  #copyValue() {
    const row = this.#rows.get(this.#selected);
    if (row) this.#copied("value", decoded(valueText(this.#read, row)));
  }

  #copyPath() {
    const row = this.#rows.get(this.#selected);
    if (row) this.#copied("path", pointerOf(row));
  }

  async #copied(noun, text) {
    const isCopied = await copy(text);
    this.#path.textContent = isCopied ? `The ${noun} was copied.` : `The ${noun} cannot be copied here.`;
  }
}

/** The name that a screen reader says. */
function label(item) {
  const words = item.querySelector(".line").textContent.replace(/[▾▸]/, "").trim();
  item.setAttribute("aria-label", words.slice(0, LABEL_LENGTH_MAX) || "end");
}

/** A string without quotes and escapes; other values as they are. */
function decoded(source) {
  try {
    const value = JSON.parse(source);
    return typeof value === "string" ? value : source;
  } catch {
    return source;
  }
}

/** The token at or after the index, or the last one. */
function tokenAt({ starts, ends }, index) {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function faultText(error, index, pointer) {
  const below = error.path.startsWith(`${pointer}/`) ? `${error.path.slice(pointer.length)}: ` : "";
  const words = `${below}${error.expected}, not ${error.received}`;
  return element("span", { class: "fault", id: `place-${index}` }, [`✗ ${visible(words)}`]);
}

/** @param marked ranges in the text, in order. A long text is cut, except around the first mark. */
function cutText(text, marked, isWhole) {
  const cuts = [];
  if (isWhole || text.length <= TOKEN_SHOWN_MAX) {
    cuts.push(0, text.length);
  } else {
    const at = marked[0]?.start ?? 0;
    const [from, to] = [Math.max(0, at - AROUND_MARK), Math.min(text.length, at + AROUND_MARK)];
    if (from <= TOKEN_HEAD) cuts.push(0, Math.max(TOKEN_HEAD, to));
    else cuts.push(0, TOKEN_HEAD, from, to);
  }
  const parts = [];
  let end = 0;
  for (let index = 0; index < cuts.length; index += 2) {
    if (cuts[index] > end) parts.push(cut(cuts[index] - end));
    parts.push(...markedText(text, marked, cuts[index], cuts[index + 1]));
    end = cuts[index + 1];
  }
  if (end < text.length) parts.push(cut(text.length - end));
  return parts;
}

function cut(characters) {
  return element("span", { class: "cut" }, [`⋯ ${characters.toLocaleString()} characters ⋯`]);
}

/** @param withId whether the marks are the places of the problems. */
function markedText(text, ranges, from, to, withId = false) {
  const parts = [];
  let end = from;
  for (const { start, end: stop, index } of ranges) {
    if (start < end || start > to) continue;
    parts.push(visible(text.slice(end, start)));
    end = Math.min(to, Math.max(stop, start));
    // A problem at the end of the text has no character to mark.
    const words = visible(text.slice(start, end)) || "⏎ end";
    parts.push(element("mark", withId ? { id: `place-${index}`, tabindex: "-1" } : {}, [words]));
  }
  parts.push(visible(text.slice(end, to)));
  return parts;
}

/** The payload as it came; of a long text, the part around the first problem. */
function rawParts(payload, ranges) {
  const pre = element("pre", { class: "payload", tabindex: "0", "aria-label": "Payload" });
  if (payload.encoding === "base64") {
    pre.append(...hexDump(payload, ranges));
    return { tools: [], content: [pre] };
  }
  const text = payload.content;
  let from = Math.max(0, Math.min((ranges[0]?.start ?? 0) - RAW_SHOWN / 2, text.length - RAW_SHOWN));
  let to = Math.min(text.length, from + RAW_SHOWN);
  const before = button("", () => show(from - RAW_MORE, to), { class: "secondary" });
  const after = button("", () => show(from, to + RAW_MORE), { class: "secondary" });
  const show = (wantedFrom, wantedTo) => {
    from = Math.max(0, wantedFrom);
    to = Math.min(text.length, wantedTo);
    pre.replaceChildren(...markedText(text, ranges, from, to, true));
    before.hidden = from === 0;
    after.hidden = to === text.length;
    before.textContent = `${from.toLocaleString()} characters before`;
    after.textContent = `${(text.length - to).toLocaleString()} characters after`;
  };
  show(from, to);
  return { tools: [], content: [before, pre, after] };
}

function hexDump({ content, offset }, ranges) {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const parts = [];
  for (let begin = 0; begin < bytes.length; begin += LINE_BYTES) {
    const line = bytes.subarray(begin, begin + LINE_BYTES);
    parts.push(`${(offset + begin).toString(16).padStart(8, "0")}  `);
    for (const [index, byte] of line.entries()) {
      const hex = byte.toString(16).padStart(2, "0");
      const range = ranges.find(({ start }) => start === begin + index);
      const attributes = range && { id: `place-${range.index}`, tabindex: "-1" };
      parts.push(range ? element("mark", attributes, [hex]) : hex, " ");
    }
    const printable = [...line].map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    );
    parts.push(`${"   ".repeat(LINE_BYTES - line.length)} ${printable.join("")}\n`);
  }
  return parts;
}

// The tree handles them itself.
shortcut("c", "copy the value of the selected row of a payload");
shortcut("C", "copy the path of the selected row of a payload");

const LINE_BYTES = 16;

/** A larger payload opens folded, except around its problems. */
const OPENED_ROWS_MAX = 400;
/** Rows of one object or array that are shown at once, and on each side of a problem. */
const ROWS_SHOWN = 200;
const ROWS_AROUND = 5;
/** Deeper rows are not indented further. */
const INDENTED_MAX = 32;
/** Characters of one token; of a longer one, those at its beginning and on each side of a problem. */
const TOKEN_SHOWN_MAX = 4_000;
const TOKEN_HEAD = 2_000;
const AROUND_MARK = 500;
/** Characters of a text as it came; browsers break a long line slowly. */
const RAW_SHOWN = 32 * 1024;
const RAW_MORE = 128 * 1024;
/** A sentence that a screen reader says in a few seconds. */
const LABEL_LENGTH_MAX = 200;
