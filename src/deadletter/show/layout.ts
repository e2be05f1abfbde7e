/** Formats JSON for a line by line difference. */

export type Line = Readonly<{ text: string; shown: string }>;

/**
 * Gives each member a line of its own; only white space changes, so broken JSON works too.
 * @param shown for example the masked text; of the same length.
 * @returns undefined if there are more than `linesMax` lines.
 */
export function layOut(text: string, linesMax: number, shown = text): Line[] | undefined {
  const lines: Line[] = [];
  let current = { text: "", shown: "" };
  let depth = 0;
  let previous = "";
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [token] = match;
    const isClosing = token === "}" || token === "]";
    const isOpened = previous === "{" || previous === "[";
    if (isClosing) depth = Math.max(0, depth - 1);
    if (previous === "," || (isOpened ? !isClosing : isClosing)) {
      if (lines.push(current) === linesMax) return undefined;
      const indent = "  ".repeat(Math.min(depth, INDENT_MAX));
      current = { text: indent, shown: indent };
    } else if (previous === ":" || (isWord(previous) && isWord(token))) {
      current.text += " ";
      current.shown += " ";
    }
    current.text += token;
    current.shown += shown.slice(match.index, match.index + token.length);
    if (token === "{" || token === "[") depth++;
    previous = token;
  }
  lines.push(current);
  return lines;
}

/** Adjacent words need white space between them. */
function isWord(token: string): boolean {
  return token !== "" && !(token.length === 1 && "{}[]:,".includes(token));
}

/** A string, possibly unterminated; a structural character; or other text, such as white space that JSON does not know. */
const TOKEN = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|[{}[\]:,]|[^ \t\r\n"{}[\]:,]+/g;

/** Bounds the output of deep nesting. */
const INDENT_MAX = 32;
