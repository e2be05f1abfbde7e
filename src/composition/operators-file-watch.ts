/**
 * Reads OPERATORS_FILE again when it changes, in every process for itself. It compares the content and not the time of
 * change: an orchestrator replaces a mounted file by a link to another one. An invalid file changes nothing and is logged.
 */
import { readFile } from "node:fs/promises";
import { OperatorsError, type OperatorsFile, parseOperators } from "../config/operators-file.ts";
import type { Part } from "../contract/part.ts";
import type { Tokens } from "../http/server/tokens.ts";
import type { Logger } from "../telemetry/logger.ts";

export function watchOperatorsFile(file: OperatorsFile | undefined, tokens: Tokens, logger: Logger): Part {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let last: string | undefined;

  const look = async (path: string): Promise<void> => {
    const seen = await readFile(path, "utf8").catch(
      ({ code }: NodeJS.ErrnoException) => `unreadable: ${code}`,
    );
    if (seen !== last) load(path, seen);
    last = seen;
    if (!isStopped) timer = setTimeout(() => void look(path), LOOK_MS);
  };

  const load = (path: string, text: string): void => {
    try {
      const named = parseOperators(text);
      if (tokens.hasSharedAmong(named)) throw new OperatorsError("it has ADMIN_TOKEN or INGRESS_TOKEN again");
      tokens.replaceNamed(named);
      logger.info({ path, tokens: named.length }, "operators file read");
    } catch (error) {
      const reason = text.startsWith("unreadable: ") ? text : (error as Error).message;
      logger.error({ path, reason }, "the operators file is invalid; the previous tokens stay valid");
    }
  };

  return {
    name: "operators file",
    start: () => (file ? look(file.path) : undefined),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** How long a removed token stays valid. */
const LOOK_MS = 1_000;
