/**
 * Lays out JSON for display: text enters, a tree of rows leaves. Rows refer to tokens of the text, so that numbers,
 * escapes and repeated names stay as they are. Only white space between tokens changes, so broken JSON works too.
 */

/**
 * @param within of a part that begins within a document: the pointer to its first value, and the open brackets.
 * @returns undefined if the text is not an object or array, is nested too deeply, or has too many tokens.
 */
export function readRows(text, within) {
  const { starts, ends } = tokensOf(text);
  const isOpening = (token) => OPENING.has(text[starts[token]]);
  if (starts.length === 0 || starts.length > TOKENS_MAX || !(within || isOpening(0))) return undefined;

  const root = { children: [], depth: 0 };
  const rows = [];
  const rowOf = [];
  let container = root;
  let row;
  const begin = (token) => {
    row = { above: container, first: token, headEnd: token, tail: token, tailEnd: token };
    row.step = container.bracket === "[" ? container.nextIndex : undefined;
    row.depth = container.depth + 1;
    container.children.push(row);
    rows.push(row);
  };
  const open = (bracket, firstIndex) => {
    row.bracket = bracket;
    row.children = [];
    row.nextIndex = firstIndex;
    container = row;
    row = undefined;
  };
  /** After a missing comma. */
  const isNext = ({ children, first, above, isNamed }, token, character) =>
    children
      ? OPENING.has(character) || character === '"'
      : isNamed && above.bracket === "{" && character === '"' && token > first + 2;
  if (within) {
    const steps = stepsOf(within.path);
    for (const [index, bracket] of [...within.open].entries()) {
      // The brackets before the part have no tokens.
      if (index === 0) begin(0);
      row.isImplied = true;
      open(bracket, bracket === "[" ? Number(steps[index]) : undefined);
      begin(0);
      row.step = container.bracket === "[" ? container.nextIndex : steps[index];
    }
  }

  for (let token = 0; token < starts.length; token++) {
    const character = text[starts[token]];
    if (CLOSING.has(character) && container !== root) {
      row = container;
      container = row.above;
      row.tail = token;
      row.tailEnd = token + 1;
      row.isClosed = true;
    } else {
      if (row === undefined || isNext(row, token, character)) begin(token);
      if (row.children) row.tailEnd = token + 1;
      else row.headEnd = token + 1;
      if (character === ":" && token === row.first + 1 && row.above.bracket === "{") {
        row.step = nameIn(text.slice(starts[row.first], ends[row.first]));
        row.isNamed = true;
      }
    }
    rowOf.push(row);
    if (character === ",") {
      if (container.bracket === "[") container.nextIndex += 1;
      row = undefined;
    } else if (OPENING.has(character)) {
      row.tail = token + 1;
      row.tailEnd = token + 1;
      if (container.depth >= DEPTH_MAX) return undefined;
      open(character, character === "[" ? 0 : undefined);
    }
  }
  return { text, starts, ends, rowOf, rows, top: root.children };
}

/** JSON pointer of a row. */
export function pointerOf(row) {
  const steps = [];
  for (let at = row; at.above; at = at.above) if (at.step !== undefined) steps.unshift(at.step);
  return steps.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The part of the text that holds the row's value. */
export function valueText({ text, starts, ends }, row) {
  const first = row.isNamed ? row.first + 2 : row.first;
  // A comma after the value is not part of it.
  let last = (row.children ? (row.isClosed ? row.tail + 1 : row.tailEnd) : row.headEnd) - 1;
  if (row.children && !row.isClosed) return text.slice(starts[first]);
  if (!row.children && text[starts[last]] === ",") last -= 1;
  return last < first ? "" : text.slice(starts[first], ends[last]);
}

/** The tokens of a line with the white space that belongs between them: `{ token, space }`. */
export function lineOf({ text, starts }, from, to) {
  const line = [];
  for (let token = from; token < to; token++) {
    const isAfterColon = token > from && text[starts[token - 1]] === ":";
    const isBetweenWords = token > from && isWord(text[starts[token]]) && isWord(text[starts[token - 1]]);
    line.push({ token, space: isAfterColon || isBetweenWords ? " " : "" });
  }
  return line;
}

/** @returns the text with a line for each member and element; undefined as for `readRows`. */
export function layOut(text) {
  const read = readRows(text);
  if (!read) return undefined;
  const lines = [];
  const textOf = (from, to) =>
    lineOf(read, from, to)
      .map(({ token, space }) => space + text.slice(read.starts[token], read.ends[token]))
      .join("");
  const add = (row) => {
    const indent = "  ".repeat(row.depth - 1);
    const head = textOf(row.first, row.headEnd);
    const tail = textOf(row.tail, row.tailEnd);
    if (row.children?.length) {
      lines.push(indent + head);
      for (const child of row.children) add(child);
      if (tail) lines.push(indent + tail);
    } else {
      lines.push(indent + head + tail);
    }
  };
  for (const row of read.top) add(row);
  return lines.join("\n");
}

/** `name`, `string`, `number`, `word` (true, false, null), `mark` (punctuation) or `other`. */
export function kindOf({ text, starts, ends }, row, token) {
  const character = text[starts[token]];
  if (character === '"') return row.isNamed && token === row.first ? "name" : "string";
  if (MARKS.has(character)) return "mark";
  const word = ends[token] - starts[token] > WORD_LENGTH_MAX ? "" : text.slice(starts[token], ends[token]);
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(word)) return "number";
  return /^(true|false|null)$/.test(word) ? "word" : "other";
}

/** Strings, possibly unterminated; brackets, colons and commas; and other text. */
function tokensOf(text) {
  const starts = [];
  const ends = [];
  let at = 0;
  while (at < text.length && starts.length <= TOKENS_MAX) {
    const character = text[at];
    if (SPACES.has(character)) {
      at++;
      continue;
    }
    starts.push(at);
    at++;
    if (character === '"') {
      while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
      at = Math.min(at + 1, text.length);
    } else if (!MARKS.has(character)) {
      while (at < text.length && isWord(text[at]) && text[at] !== '"' && !SPACES.has(text[at])) at++;
    }
    ends.push(at);
  }
  return { starts, ends };
}

const isWord = (character) => !MARKS.has(character);

function nameIn(source) {
  try {
    return String(JSON.parse(source));
  } catch {
    return source;
  }
}

function stepsOf(pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const OPENING = new Set("{[");
const CLOSING = new Set("}]");
const MARKS = new Set("{}[]:,");
/** Of JSON; other white space is text. */
const SPACES = new Set(" \t\r\n");

/** Bounds the memory: some 100 MB. A megabyte of usual JSON has a fifth of this. */
const TOKENS_MAX = 300_000;

/** Deeper elements make browsers slow. */
const DEPTH_MAX = 100;

/** Longer than any number that a reader compares. */
const WORD_LENGTH_MAX = 1_000;
