/** A progress bar on a terminal, a line now and then elsewhere. */
import { SingleBar } from "cli-progress";

export type Progress = Readonly<{ update: (phase: string, done: number) => void; stop: () => void }>;

export function showProgress(total: number, isQuiet: boolean): Progress {
  if (isQuiet) return { update: () => {}, stop: () => {} };
  if (!process.stderr.isTTY) return showLines(total);
  const bar = new SingleBar({
    format: "{phase} {bar} {value}/{total} | {eta_formatted} left",
    stream: process.stderr,
  });
  let phase = "";
  return {
    update: (now, done) => {
      if (now !== phase) {
        if (phase !== "") bar.stop();
        phase = now;
        bar.start(total, 0, { phase });
      }
      bar.setTotal(Math.max(total, done));
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

function showLines(total: number): Progress {
  let shownAt = performance.now();
  return {
    update: (phase, done) => {
      if (performance.now() - shownAt < LINE_EVERY_MS) return;
      shownAt = performance.now();
      process.stderr.write(`${phase} ${done} of ${total}\n`);
    },
    stop: () => {},
  };
}

const LINE_EVERY_MS = 2_000;
