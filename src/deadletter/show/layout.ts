/**
 * Lays JSON text out with one member a line, also text that is not quite JSON: nothing but white space changes.
 * @returns the lines; undefined if there are more than `linesMax`.
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

/** Two of these would become one without the white space between them. */
function isWord(token: string): boolean {
  return token !== "" && !(token.length === 1 && "{}[]:,".includes(token));
}

/** A string that may lack its end, one character of structure, or anything else up to the next of either. */
const TOKEN = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|[{}[\]:,]|[^\s"{}[\]:,]+/g;

/** A document of half a million levels would otherwise become one of as many columns. */
const INDENT_MAX = 32;
