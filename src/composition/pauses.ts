/** Builds what pauses and resumes sources. */
import type { DomainLine } from "../domain-line.ts";
import { PauseDesk } from "../inbox/pauses/pause-desk.ts";
import { PauseWatch } from "../inbox/pauses/pause-watch.ts";
import type { Shared } from "./shared.ts";

export function openPauses({ config, pools }: Shared, lines: readonly DomainLine[]) {
  const domains = lines.map(({ name }) => name);
  const watch = new PauseWatch({
    database: pools.reads,
    domains,
    onRead: (paused) => {
      for (const { intake } of lines) intake.follow(paused);
    },
  });
  const desk = new PauseDesk({
    database: pools.desk,
    places: domains.flatMap((domain) => config.sources.map((source) => ({ domain, source }))),
    onChanged: () => watch.read(),
  });
  return { watch, desk };
}
