/**
 * The progress of a command on standard error: a bar on a terminal, otherwise a plain line every two seconds. Each phase
 * has its own total, or none.
 */
import { SingleBar } from "cli-progress";

export type Step = Readonly<{
  done: number | bigint;
  /** Undefined if unknown. */
  total?: number | bigint | undefined;
  note?: string | undefined;
}>;

type Stream = NodeJS.WritableStream & { isTTY?: boolean };

export class Progress implements Disposable {
  readonly #stream: Stream;
  readonly #isQuiet: boolean;
  #phase: Phase | undefined;
  #bar: SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param json a program reads the output, so there are no plain lines; a terminal still gets a bar. */
  constructor({
    json,
    stream = process.stderr,
  }: Readonly<{ json?: true | undefined; stream?: Stream }> = {}) {
    this.#stream = stream;
    this.#isQuiet = json === true && !stream.isTTY;
  }

  /** Shows the step, or the elapsed time if there is none. Another name starts the next phase. */
  show(name: string, step?: Step): void {
    if (this.#isQuiet) return;
    if (this.#phase?.name !== name) this.#begin(name, step);
    if (this.#phase) this.#phase.step = step;
    if (!step || !this.#bar) return;
    this.#bar.setTotal(Number(step.total ?? step.done));
    this.#bar.update(Number(step.done));
  }

  /** Ends the phase. Its last line reports missing steps. */
  end(): void {
    if (this.#phase) this.#phase.hasEnded = true;
    this.#bar?.stop();
    clearInterval(this.#timer);
    this.#phase = this.#bar = this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #begin(name: string, step: Step | undefined): void {
    const timer = this.#timer;
    this.#timer = undefined;
    this.end();
    const phase: Phase = {
      name,
      begun: performance.now(),
      first: Number(step?.done ?? 0),
      step,
      hasEnded: false,
    };
    this.#phase = phase;
    if (!this.#stream.isTTY) {
      const write = () => this.#phase && this.#stream.write(`${describe(this.#phase)}\n`);
      this.#timer = timer ?? setInterval(write, LINE_EVERY_MS);
      return;
    }
    this.#bar = new SingleBar({
      stream: this.#stream,
      // Otherwise a killed process leaves the terminal's line wrapping off.
      linewrap: true,
      clearOnComplete: step === undefined,
      format: (_options, { progress }) => describe(phase, progress),
    });
    this.#bar.start(Number(step?.total ?? 0), Number(step?.done ?? 0));
  }
}

type Phase = {
  readonly name: string;
  readonly begun: number;
  /** Steps done at its start: a command may resume earlier work. */
  readonly first: number;
  step: Step | undefined;
  hasEnded: boolean;
};

/** A phase in one line, without unknown rates and times. @param progress from 0 to 1, for a bar. */
function describe({ name, begun, first, step, hasEnded }: Phase, progress?: number): string {
  const seconds = (performance.now() - begun) / 1000;
  if (step === undefined) return `${name}, ${Math.round(seconds)} s`;
  const { done, total, note } = step;
  const left = Number(total ?? done) - Number(done);
  const rate = (Number(done) - first) / seconds;
  const bar = progress === undefined || total === undefined ? "" : barOf(progress);
  const parts = [`${name} ${bar}${done}${total === undefined ? "" : ` of ${total}`}`];
  if (hasEnded && left > 0) parts.push(`${left} not done`);
  if (rate >= 1 && Number.isFinite(rate)) parts.push(`${Math.round(rate)}/s`);
  if (!hasEnded && rate > 0 && left > 0) parts.push(`about ${Math.ceil(left / rate)} s left`);
  if (note) parts.push(note);
  return parts.join(", ");
}

function barOf(progress: number): string {
  const complete = Math.floor(progress * BAR_CHARACTERS);
  return `[${"=".repeat(complete)}${"-".repeat(BAR_CHARACTERS - complete)}] `;
}

/** Leaves room for the numbers in 80 columns. */
const BAR_CHARACTERS = 30;

/** Rare enough for a log, frequent enough for a person. */
const LINE_EVERY_MS = 2_000;
