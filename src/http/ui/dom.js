/** DOM helpers. Strings become text nodes, so content of messages cannot inject markup. */

export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** A cell; on phones, where tables have no heads, its name is shown. */
export function cell(name, content, className = "") {
  const contents = Array.isArray(content) ? content : [content];
  return element("td", { "data-name": name, ...(className ? { class: className } : {}) }, contents);
}

export function table(caption, heads, rows) {
  return element("table", {}, [
    element("caption", { class: "unseen" }, [caption]),
    element("thead", {}, [
      element(
        "tr",
        {},
        heads.map((head) => element("th", { scope: "col" }, [head])),
      ),
    ]),
    element("tbody", {}, rows),
  ]);
}

export function facts(pairs) {
  return element(
    "dl",
    { class: "facts" },
    pairs.flatMap(([name, value]) => [
      element("dt", {}, [name]),
      element("dd", {}, Array.isArray(value) ? value : [value]),
    ]),
  );
}

export function link(href, content, className = "") {
  return element("a", { href, ...(className ? { class: className } : {}) }, [content]);
}

/** Leads to the page about a position of the inbox. */
export function positionLink(position, content = `position ${position}`) {
  return link(`/ui/message?position=${position}`, content);
}

export function button(label, onClick, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, [label]);
  made.addEventListener("click", onClick);
  return made;
}

/** Escapes invisible characters and those that change text direction. */
export function visible(text) {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A time in the reader's format, with the exact value in UTC as tooltip. Other text is shown as it is. */
export function time(iso, format = MOMENT) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return visible(String(iso));
  const utc = at.toISOString();
  const title = `${utc.slice(0, 10)} ${utc.slice(11, -1)} UTC`;
  return element("time", { datetime: utc, title }, [format.format(at)]);
}

/** How long ago, with the exact time in UTC as tooltip. */
export function ago(iso) {
  const seconds = Math.max(0, (Date.now() - new Date(iso).getTime()) / 1000);
  const [unit, length] = UNITS.find(([, least]) => seconds >= least) ?? UNITS.at(-1);
  return time(iso, { format: () => RELATIVE.format(-Math.floor(seconds / length), unit) });
}

export const byId = (id) => document.getElementById(id);

/** Invisible characters, except line breaks and tabs. */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: matches exactly these.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined);

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
