/**
 * Export: a filter enters; the matching letters leave as text, newest first, in parts of bounded size. Each part is read
 * only when the one before was taken, in statements of its own, so a slow reader holds neither memory nor a connection.
 * Letters that arrive meanwhile are not included. If a part fails, the reader gets an error and no end.
 */
import { Turn } from "../../contract/values/in-turns.ts";
import type { Database } from "../../database/database.ts";
import type { Cursor } from "../find/dead-letter-pages-table.ts";
import type { DeadLetterFilter } from "../find/filter.ts";
import { findPlaces } from "../find/find.ts";
import { type Decider, insertReveals } from "../operator-actions-table.ts";
import { Mask } from "../show/mask.ts";
import { csvHead, csvRow, exportedDocument, jsonLine } from "./documents.ts";
import { selectExported } from "./exported-letters-table.ts";

export const EXPORT_FORMATS = ["ndjson", "csv"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type ExportPart = Readonly<{
  text: string;
  /** With those of earlier parts. */
  letters: number;
}>;

/**
 * @param maskOf mask of a domain.
 * @param revealTo gets personal data; each letter's access is recorded before its part leaves.
 */
export async function* exportLetters(
  database: Database,
  filter: DeadLetterFilter,
  format: ExportFormat,
  maskOf: (domain: string) => Mask,
  revealTo: Decider | undefined,
): AsyncGenerator<ExportPart, void> {
  let letters = 0;
  let head = format === "csv" ? csvHead() : "";
  for (let after: Cursor | undefined; ; ) {
    const page = await database.transaction((transaction) =>
      findPlaces(transaction, filter, {
        ...(after ? { after } : {}),
        order: "newest first",
        limit: PAGE_LETTERS_MAX,
      }),
    );
    const positions = page.places.map(({ position }) => position);
    for (let done = 0; done < positions.length; ) {
      const part = await selectExported(database, positions.slice(done), PART_BYTES_MAX);
      if (part.read === 0) throw new Error("a dead letter has no row in the inbox");
      done += part.read;
      letters += part.letters.length;
      if (revealTo) {
        await insertReveals(
          database,
          part.letters.map(({ position }) => position),
          revealTo,
        );
      }
      let text = head;
      head = "";
      const turn = new Turn();
      for (const letter of part.letters) {
        if (turn.isOver) await turn.next();
        const document = exportedDocument(letter, revealTo ? Mask.none : maskOf(letter.domain));
        text += format === "csv" ? csvRow(document) : jsonLine(document);
      }
      yield { text, letters };
    }
    after = page.next;
    if (!after) break;
  }
  yield { text: format === "csv" ? head : jsonLine({ complete: true, letters }), letters };
}

/** Small enough for one statement within milliseconds. */
const PAGE_LETTERS_MAX = 500;

/** Text of a part takes a few times as much. */
const PART_BYTES_MAX = 2 * 1024 * 1024;
