/** Shows what differs between two payloads: side by side, and on a phone one below the other. */
import { element, visible } from "/ui/dom.js";

/** @param lines as returned by the service. @param heads names of the two sides. */
export function viewDiff(lines, heads = ["Before", "After"]) {
  const rows = [];
  for (let at = 0; at < lines.length; ) {
    const { kind, text } = lines[at];
    if (kind === "skipped") {
      const words = `⋯ ${Number(text).toLocaleString()} unchanged lines`;
      rows.push(element("tr", {}, [element("td", { colspan: "2", class: "skipped" }, [words])]));
      at++;
    } else if (kind === "same") {
      rows.push(element("tr", { class: "same" }, [side("same", text), side("same", text)]));
      at++;
    } else {
      const changed = { removed: [], added: [] };
      for (; lines[at]?.kind in changed; at++) changed[lines[at].kind].push(lines[at].text);
      rows.push(...pairs(changed));
    }
  }
  return element("div", { class: "diff", tabindex: "0", role: "region", "aria-label": "Changes" }, [
    element("table", {}, [
      element("thead", {}, [
        element(
          "tr",
          {},
          heads.map((head) => element("th", { scope: "col" }, [head])),
        ),
      ]),
      element("tbody", {}, rows),
    ]),
  ]);
}

function pairs({ removed, added }) {
  return Array.from({ length: Math.max(removed.length, added.length) }, (_none, index) => {
    const [before, after] = [removed[index], added[index]];
    const same = commonEnds(before, after);
    return element("tr", {}, [side("removed", before, same), side("added", after, same)]);
  });
}

/** @param same lengths of the ends that both lines have. */
function side(kind, text, same) {
  if (text === undefined) return element("td", { class: "none" });
  if (kind === "same") return element("td", {}, [`  ${visible(text)}`]);
  const { head, tail } = same;
  const sign = kind === "removed" ? "− " : "+ ";
  const changed = visible(text.slice(head, text.length - tail));
  return element("td", { class: kind }, [
    element(kind === "removed" ? "del" : "ins", {}, [
      sign,
      visible(text.slice(0, head)),
      ...(changed && head + tail > 0 ? [element("strong", {}, [changed])] : [changed]),
      visible(text.slice(text.length - tail)),
    ]),
  ]);
}

function commonEnds(one = "", other = "") {
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (head < shorter && one[head] === other[head]) head++;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) tail++;
  return { head, tail };
}
