/** A letter as a line of NDJSON or CSV, with personal data masked. */
import { isUtf8 } from "node:buffer";
import { listedDocument, listedType } from "../find/documents.ts";
import { shape } from "../shapes.ts";
import type { Mask } from "../show/mask.ts";
import { csvLine } from "./csv.ts";
import type { ExportedLetter } from "./exported-letters-table.ts";

export const exportedType = shape({
  "...": listedType,
  message_id: "string",
  payload: { encoding: "'text' | 'base64'", content: "string", is_masked: "boolean" },
});

/** The last line of NDJSON. */
export const endType = shape({ complete: "true", letters: "count" });

type ExportedDocument = typeof exportedType.infer;

export function exportedDocument(letter: ExportedLetter, mask: Mask): ExportedDocument {
  const { payload, messageId } = letter;
  const isText = isUtf8(payload);
  return {
    ...listedDocument(letter, mask),
    message_id: messageId,
    payload: {
      encoding: isText ? "text" : "base64",
      content: isText ? mask.text(payload.toString()) : mask.bytes(payload).toString("base64"),
      is_masked: !mask.hidesNothing,
    },
  };
}

export function jsonLine(document: ExportedDocument | typeof endType.infer): string {
  return `${JSON.stringify(document)}\n`;
}

export function csvHead(): string {
  return csvLine(Object.keys(COLUMNS));
}

export function csvRow(document: ExportedDocument): string {
  return csvLine(Object.values(COLUMNS).map((column) => column(document)));
}

type Column = (letter: ExportedDocument) => string | number | undefined;

/** Of several problems, the first. */
const COLUMNS: Readonly<Record<string, Column>> = {
  position: ({ position }) => position,
  domain: ({ domain }) => domain,
  source: ({ source }) => source,
  channel: ({ channel }) => channel,
  message_id: ({ message_id }) => message_id,
  received_at: ({ received_at }) => received_at,
  state: ({ state }) => state,
  code: ({ code }) => code,
  fingerprint: ({ fingerprint }) => fingerprint,
  path: ({ errors }) => errors[0]?.path,
  rule: ({ errors }) => errors[0]?.rule,
  expected: ({ errors }) => errors[0]?.expected,
  received: ({ errors }) => errors[0]?.received,
  excerpt: ({ errors }) => errors[0]?.excerpt,
  error_count: ({ error_count }) => error_count,
  original_position: ({ original_position }) => original_position,
  redrive_of: ({ redrive_of }) => redrive_of,
  payload_bytes: ({ payload_bytes }) => payload_bytes,
  payload_encoding: ({ payload }) => payload.encoding,
  payload: ({ payload }) => payload.content,
};
