/**
 * Formats JSON with one member per line; only white space changes, so broken JSON works too.
 * @returns undefined if there are more than `linesMax` lines.
 */
export function layOut(text: string, linesMax: number): string[] | undefined {
  const lines: string[] = [];
  let current = "";
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
      current = "  ".repeat(Math.min(depth, INDENT_MAX));
    } else if (previous === ":" || (isWord(previous) && isWord(token))) {
      current += " ";
    }
    current += token;
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

/** A string, possibly unterminated; a structural character; or other text. */
const TOKEN = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|[{}[\]:,]|[^\s"{}[\]:,]+/g;

/** Bounds the output of deep nesting. */
const INDENT_MAX = 32;
