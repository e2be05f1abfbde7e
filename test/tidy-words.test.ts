/**
 * Plain English in comments, documents, pages, usage texts, dashboards and alerts: patterns that a regular expression
 * finds without false alarms, each with what to write instead.
 */
import { globSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

/** Migrations that landed with such words; a migration never changes after that, its comments included. */
const LANDED = /^migrations\/(0004|0005|0006|0008|notifications\/0001)_/;

/** A space stands for any white space, the start of a comment's line included. */
const PATTERNS: readonly (readonly [pattern: string, instead: string])[] = [
  [
    String.raw`(?<![\`"'.\w])([Ss]ome|[Nn]o|[Aa]ny)(body|one(?<=some ?one|any ?one))\b(?![\`"'])`,
    "name the actor",
  ],
  [String.raw`\b([Ww]ho|[Ww]hat)ever\b`, "name the actor, or say what is meant"],
  [String.raw`\bas long as it takes\b`, "until it succeeds"],
  [String.raw`\bfor ever\b`, "forever, without limit"],
  [String.raw`\banew\b`, "again, from the start"],
  [String.raw`\b(goes|went|go|going|gone) on\b`, "continue"],
  [String.raw`\b(comes?|came|coming) again\b`, "the broker redelivers; retry"],
  [String.raw`\bon (its|their) way\b`, "in flight"],
  [String.raw`\b(is|are|was|were|be) away\b`, "unavailable, unreachable"],
  [String.raw`\b[Ss]urroundings\b`, "environment fault"],
  [String.raw`\bpass(es|ed) over\b`, "skip"],
  [String.raw`\b(lets?|letting) go\b(?! on)`, "release"],
  [String.raw`\botherwise than\b`, "different from"],
  [String.raw`\bso (long|often) as\b`, "while, as long as"],
  [String.raw`(?<!\b[Tt]here )\b(is|are|was|were) no (?!longer\b|more\b)`, "is not a"],
  ["(?<=[.;*/#-] )Of an? [^.,:]{1,60}: ", "for a …: a noun phrase"],
  // "Where" may name a place; these shapes are conditions.
  [String.raw`\b[Ww]here (there (is|are|was|were)|nothing|none|no)\b`, "if, when"],
  [
    String.raw`\b[Ww]here (it|they|this|that|one|he) (cannot|could|can|does not|do not|did not|is not|are not|was not|is none|has|have|had|fails?|takes|makes|still)\b`,
    "if, when",
  ],
  [
    String.raw`(?<!= )\b(undefined|empty|null|none|zeroes|0|false|NaN|only|even|except) where (?!not )`,
    "if, when",
  ],
  [String.raw`@throws( [\w,()]+)* where\b`, "if"],
  [
    String.raw`[,;] where (it|they|one|the \w+) (has|have|is|are|knows|carries|allows|lets|may) (?!it\b)`,
    "if",
  ],
  [
    String.raw`(?<=[.;*/] )Where [^.?;:]{1,120}, (it|they|the|all|there|that|this|nothing|each|so)\b`,
    "if, when",
  ],
];

const words = suite("tidy words");

words("texts are in plain English", () => {
  assert.ok(TEXTS.length > 500);
  assert.equal(TEXTS.flatMap(offencesIn), []);
});

words("the patterns find what they are for", () => {
  for (const sentence of OFFENDING) assert.ok(offencesOf(sentence, "text").length > 0, sentence);
  for (const sentence of PLAIN) assert.equal(offencesOf(sentence, "text"), [], sentence);
});

function offencesIn(file: string): string[] {
  const text = readFileSync(file, "utf8");
  // Strings of tests are often data; those of programs are usage texts and answers.
  const checked = /^(test|bench)\/.*\.ts$/.test(file) ? commentsOf(text) : text;
  return offencesOf(checked, file);
}

/** `file:line: the words (what to write instead)`. */
function offencesOf(text: string, file: string): string[] {
  const flat = `. ${text.replace(/\n[ \t]*(\/\/|\*(?!\/)|--|#)?/g, (gap) => " ".repeat(gap.length))}`;
  return PATTERNS.flatMap(([pattern, instead]) =>
    [...flat.matchAll(new RegExp(pattern.replaceAll(" ", "\\s+"), "g"))].map((match) => {
      const line = text.slice(0, match.index).split("\n").length;
      return `${file}:${line}: ${match[0].replace(/\s+/g, " ")} (${instead})`;
    }),
  );
}

/** Replaces every other line by one that no pattern matches. */
function commentsOf(text: string): string {
  return text.replace(/^(?!\s*(\/\/|\/?\*)).*$/gm, "¦");
}

const TEXTS = [
  ...globSync("{src,tools,bench,test}/**/*.{ts,js,html,css,md}"),
  ...globSync(
    "{README.md,docs/*.md,migrations/**/*.sql,observability/*.yml,dashboards/*.json,docker-compose.yml}",
  ),
  ".env.example",
]
  .filter((file) => !/^(src\/proto|test\/support\/echo\/gen)\/|^test\/tidy-words/.test(file))
  .filter((file) => !LANDED.test(file))
  .sort();

const OFFENDING = [
  "Masked until somebody asks.",
  "Whoever asks gets 503.",
  "It retries for as long as it takes.",
  "The session\n * begins anew.",
  "The message comes again.",
  "What is no number is refused.",
  "Of a redrive: the position.",
  "Undefined where there is none.",
  "@throws DatabaseError where the signal aborts.",
  "ADMIN_TOKEN, where one is set.",
  "Where that one fails alone, it is buried.",
  "Only where it lies behind.".toLowerCase(),
];

const PLAIN = [
  "update turns set turn_until = null where domain = $1",
  "As root, PostgreSQL runs as `nobody`.",
  "It says where it is, and where it ends.",
  "There is no room, and it is no longer asked for.",
  "Where messages come from, one or several.",
  "The one place where an error becomes an answer.",
  "delete from t where not exists (select from t)",
];

words.run();
