/**
 * A slow, exact walk over JSON text, for the few messages that were found wanting and need the place of what is
 * wrong: the first syntax error, names that stand twice, the first value below a given depth. It keeps its own
 * stack, so no depth of nesting can exhaust the machine's.
 * Source: RFC 8259; the pushdown automaton follows its grammar.
 */
type JsonScan = {
  /** The first character that cannot stand where it stands (the end of the text where something is missing). */
  error?: { index: number; expected: string; path: (string | number)[] };
  /** The path of each name that its object had already, at most as many as a person would read. */
  repeated: (string | number)[][];
  /** The path of the first value that lies `depth` levels deep. */
  deepest: (string | number)[];
};

type Level = { isArray: boolean; index: number; name: string; names: Set<string> | undefined };

export function scanJson(text: string, depth = Number.POSITIVE_INFINITY): JsonScan {
  const scan: JsonScan = { repeated: [], deepest: [] };
  const levels: Level[] = [];
  const pathNow = () =>
    levels.slice(0, PATH_STEPS_MAX).map((level) => (level.isArray ? level.index : level.name));
  let index = skipSpace(text, 0);
  /** Where a name should be there is none yet: the place is the object that lacks it. */
  const failAtName = (): JsonScan => {
    levels.pop();
    return fail(index, 'a name in quotes and ":"');
  };
  const fail = (at: number, expected: string): JsonScan => {
    scan.error = { index: at, expected, path: pathNow() };
    return scan;
  };
  /** Reads `"name" :` and gives false where something else stands there. */
  const readName = (level: Level): boolean => {
    const end = matchAt(STRING, text, index);
    if (end === undefined) return false;
    level.name = JSON.parse(text.slice(index, end)) as string;
    if (level.names?.has(level.name) && scan.repeated.length < REPEATED_MAX) scan.repeated.push(pathNow());
    level.names?.add(level.name);
    index = skipSpace(text, end);
    return text[index] === ":";
  };

  let wantsValue = true;
  for (;;) {
    if (wantsValue) {
      const character = text[index];
      if (character === "{" || character === "[") {
        const isArray = character === "[";
        const names = isArray || levels.length > NAMES_DEPTH_MAX ? undefined : new Set<string>();
        const level: Level = { isArray, index: 0, name: "", names };
        index = skipSpace(text, index + 1);
        if (levels.length + 1 === depth && scan.deepest.length === 0) scan.deepest = pathNow();
        levels.push(level);
        if (text[index] === (level.isArray ? "]" : "}")) {
          levels.pop();
          index++;
          wantsValue = false;
        } else if (!level.isArray) {
          if (!readName(level)) return failAtName();
          index = skipSpace(text, index + 1);
        }
        continue;
      }
      const end = matchAt(STRING, text, index) ?? matchAt(NUMBER_OR_WORD, text, index);
      if (end === undefined) return fail(firstBadCharacter(text, index), "a JSON value");
      index = end;
      wantsValue = false;
      continue;
    }

    index = skipSpace(text, index);
    const level = levels.at(-1);
    if (!level) return index < text.length ? fail(index, "the end of the message") : scan;
    if (text[index] === (level.isArray ? "]" : "}")) {
      levels.pop();
      index++;
    } else if (text[index] === ",") {
      index = skipSpace(text, index + 1);
      level.index++;
      if (!level.isArray) {
        if (!readName(level)) return failAtName();
        index = skipSpace(text, index + 1);
      }
      wantsValue = true;
    } else {
      return fail(index, level.isArray ? '"," or "]"' : '"," or "}"');
    }
  }
}

/** Within a string that is broken, the place that breaks it; elsewhere the place itself. */
function firstBadCharacter(text: string, index: number): number {
  if (text[index] !== '"') return index;
  return matchAt(STRING_BEGINNING, text, index) ?? index;
}

function skipSpace(text: string, index: number): number {
  return matchAt(SPACE, text, index) ?? index;
}

/** Where the match ends that begins exactly at `index`. */
function matchAt(pattern: RegExp, text: string, index: number): number | undefined {
  pattern.lastIndex = index;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 forbids raw control characters in strings.
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 forbids raw control characters in strings.
const STRING_BEGINNING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*/y;
const NUMBER_OR_WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** A dead letter lists problems for a person; more of the same kind help nobody. */
const REPEATED_MAX = 100;

/** Below this the document is refused for its depth; remembering a hundred thousand levels of names is in vain. */
const NAMES_DEPTH_MAX = 100;

/** A pointer is cut far earlier; this keeps a path of a hundred thousand levels from being built. */
const PATH_STEPS_MAX = 600;
