/**
 * The documents that are written from the code and from bench/results.json. In other documents, marked parts are:
 * `<!-- figure: … -->` (figures.ts), `<!-- results: PART -->` (results of the benchmark's part) and
 * `<!-- settings: NAMES -->` (settings.ts), each up to `<!-- end -->`.
 */
import { globSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { partText, type Results, readResults, resultsDocument } from "../../bench/results.ts";
import { figureText } from "./figures.ts";
import { configurationDocument, environmentExample, settingsTable } from "./settings.ts";

/** From the path of a document to its text. */
export type Documents = Readonly<Record<string, string>>;

export function settingDocuments(): Documents {
  return { "docs/configuration.md": configurationDocument(), ".env.example": environmentExample() };
}

export function figureDocuments(results: Results = readResults()): Documents {
  const root = fileURLToPath(ROOT);
  const marked = ["README.md", ...globSync("docs/*.md", { cwd: root }).sort()]
    .map((file) => [file, readDocument(file)] as const)
    .filter(([, text]) => MARKED.test(text))
    .map(([file, text]) => [file, fill(text, results)]);
  return { ...Object.fromEntries(marked), "bench/RESULTS.md": resultsDocument(results) };
}

/** After a benchmark. */
export const writeFigures = () => write(figureDocuments());

export async function write(documents: Documents): Promise<void> {
  for (const [file, text] of Object.entries(documents)) await writeFile(new URL(file, ROOT), text);
}

export const readDocument = (file: string) => readFileSync(new URL(file, ROOT), "utf8");

/** @throws if a marker names nothing that exists, or has no end. */
export function fill(text: string, results: Results): string {
  const begun = text.match(/<!-- (figure|results|settings): /g)?.length ?? 0;
  if (text.match(/<!-- end -->/g)?.length !== begun) throw new Error("a marked part has no begin or no end");
  return text.replace(
    /<!-- (figure|results|settings): (.*?) -->.*?<!-- end -->/gs,
    (_part, kind: string, subject: string) =>
      `<!-- ${kind}: ${subject} -->${content(kind, subject, results)}<!-- end -->`,
  );
}

function content(kind: string, subject: string, results: Results): string {
  if (kind === "figure") return figureText(results, subject);
  return `\n\n${kind === "results" ? partText(results, subject) : settingsTable(subject)}\n\n`;
}

const MARKED = /<!-- (figure|results|settings): /;
const ROOT = new URL("../../", import.meta.url);
