/** `waybill deadletters export`: to a file or to standard output. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open, rename, rm } from "node:fs/promises";
import { EXPORT_FORMATS, type ExportPart } from "../deadletter/export/export.ts";
import { readFilter } from "../deadletter/find/filter.ts";
import { exits, Option } from "./command.ts";
import { AUTHOR_HELP, decided, filtered, operatorText } from "./deadletters-options.ts";
import { withDesk } from "./open-desk.ts";
import { print, visibleLines } from "./print.ts";
import { stopSignal } from "./process.ts";
import { Progress } from "./progress.ts";

export function exportCommand() {
  return filtered("export", "Export all dead letters that match, with their payloads, newest first.")
    .addOption(new Option("--format <format>", "format").choices(EXPORT_FORMATS).default("ndjson" as const))
    .option("--output <file>", "write to this file, which appears when it is complete")
    .option("--reveal", "include personal data; each access is recorded")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required to reveal", operatorText("reason"))
    .action(
      exits(async ({ format, output, reveal, author, reason, ...texts }) => {
        const filter = readFilter(texts);
        const revealTo = reveal ? decided({ author, reason }) : undefined;
        const signal = stopSignal(new Error("interrupted; nothing was written"));
        if (output === undefined) {
          await withDesk((desk) => exportToStdout(desk.export(filter, format, revealTo), signal));
          return 0;
        }
        using progress = new Progress();
        const letters = await withDesk((desk) =>
          exportToFile(desk.export(filter, format, revealTo), output, signal, (done) =>
            progress.show("exporting", { done }),
          ),
        );
        progress.end();
        print(`Exported ${letters} dead letters to ${output}.`);
        return 0;
      }),
    );
}

/**
 * The file appears when it is complete: the parts go to a file beside it, which is renamed at the end or else removed.
 * @param output overwritten if it exists.
 * @returns the number of letters.
 */
export async function exportToFile(
  parts: AsyncIterable<ExportPart>,
  output: string,
  signal: AbortSignal,
  onProgress: (letters: number) => void,
): Promise<number> {
  const unfinished = `${output}.${randomBytes(4).toString("hex")}.part`;
  // Only for its owner: it can hold personal data.
  const file = await open(unfinished, "wx", 0o600);
  try {
    let written = 0;
    for await (const { text, letters } of parts) {
      signal.throwIfAborted();
      await file.writeFile(text);
      written = letters;
      onProgress(written);
    }
    signal.throwIfAborted();
    await file.sync();
    await file.close();
    await rename(unfinished, output);
    return written;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** On a terminal, control characters are escaped. */
export async function exportToStdout(parts: AsyncIterable<ExportPart>, signal: AbortSignal): Promise<void> {
  const { stdout } = process;
  for await (const { text } of parts) {
    signal.throwIfAborted();
    const isFree = stdout.write(stdout.isTTY ? visibleLines(text) : text);
    if (!isFree) await once(stdout, "drain", { signal });
  }
}
