/** Starts after the sources and stops before them. */
import type { Part } from "../contract/part.ts";
import type { DomainLine } from "../domain-line.ts";
import type { Logger } from "../telemetry/logger.ts";

export function backgroundWork(lines: readonly DomainLine[], logger: Logger): Part {
  let working: Promise<unknown> = Promise.resolve();
  const workOf = async ({ name, service }: DomainLine, signal: AbortSignal): Promise<void> => {
    try {
      await service?.work?.(signal);
    } catch (error) {
      if (!signal.aborted)
        logger.error({ domain: name, err: error }, "the background work failed and stopped");
    }
  };
  return {
    name: "background work",
    start: ({ signal }) => {
      working = Promise.all(lines.map((line) => workOf(line, signal)));
    },
    stop: async () => {
      await working;
    },
  };
}
