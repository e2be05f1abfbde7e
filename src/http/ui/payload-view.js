/** Shows a payload with its problems marked, as text or hex dump, and the diff of two payloads. */
import { element, visible } from "/ui/dom.js";

/** @param payload as returned by the service. @param errors with their ranges. */
export function viewPayload(payload, errors) {
  const ranges = rangesOf(payload, errors);
  const content =
    payload.encoding === "base64" ? hexDump(payload, ranges) : markedText(payload.content, ranges);
  const shown = [element("pre", { class: "payload", tabindex: "0", "aria-label": "Payload" }, content)];
  if (!payload.is_whole) shown.push(element("p", {}, ["Truncated; download the payload to see the rest."]));
  return shown;
}

/** Ranges of the problems in the visible part, ordered, without overlap. */
function rangesOf(payload, errors) {
  const ranges = [];
  for (const [index, { range }] of errors.entries()) {
    if (!range) continue;
    const start = Math.max(0, range.start - payload.offset);
    ranges.push({ start, end: Math.max(start + 1, range.end - payload.offset), index });
  }
  ranges.sort((one, other) => one.start - other.start);
  return ranges.filter(({ start }, index) => index === 0 || start >= ranges[index - 1].end);
}

function markedText(text, ranges) {
  const parts = [];
  let end = 0;
  for (const range of ranges) {
    parts.push(visible(text.slice(end, range.start)));
    // A problem at the end of the text has no character to mark.
    parts.push(mark(visible(text.slice(range.start, range.end)) || "⏎ end", range.index));
    end = range.end;
  }
  parts.push(visible(text.slice(end)));
  return parts;
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
      parts.push(range ? mark(hex, range.index) : hex, " ");
    }
    const printable = [...line].map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    );
    parts.push(`${"   ".repeat(LINE_BYTES - line.length)} ${printable.join("")}\n`);
  }
  return parts;
}

function mark(text, index) {
  return element("mark", { id: `place-${index}`, tabindex: "-1" }, [text]);
}

/** @param lines as returned by the service. */
export function viewDiff(lines) {
  const rows = lines.map(({ kind, text }) => {
    if (kind === "skipped") return element("div", { class: "skipped" }, [`⋯ ${text} unchanged lines`]);
    const sign = { same: " ", removed: "−", added: "+" }[kind];
    const name = { same: "div", removed: "del", added: "ins" }[kind];
    return element(name, {}, [`${sign} ${visible(text)}`]);
  });
  return element("pre", { class: "diff", tabindex: "0", "aria-label": "Changes" }, rows);
}

const LINE_BYTES = 16;
