/** A process that runs test files, one after another. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { spawnGuarded } from "../../tools/stack/guard.ts";
import { ROOT } from "./files.ts";

type Environment = Readonly<Record<string, string>>;

export type Request = Readonly<{
  file: string;
  environment: Environment;
  /** For what the file started, to end after its last test. */
  endSecondsMax: number;
}>;

export type Answer = Readonly<{
  /** Without the skipped tests. */
  total: number;
  passed: number;
  skipped: number;
  hasError: boolean;
  /** What the file left open, as Node names it. */
  open: readonly string[];
}>;

/** Asks the process to end. If the runner closed the channel, it would never see the child's "close". */
export const END = "end";

export type FileResult = Readonly<{
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}>;

export const running = new Map<TestProcess, Readonly<{ file: string; begun: number }>>();

export class TestProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  readonly #silentSecondsMax: number;
  readonly #endSecondsMax: number;
  readonly #files: string[] = [];
  #output = "";
  #silentSeconds = 0;
  #isEnding = false;

  /** @param silentSecondsMax without output, it is killed. */
  constructor(environment: Environment, silentSecondsMax: number) {
    this.#silentSecondsMax = silentSecondsMax;
    this.#endSecondsMax = Math.min(END_SECONDS_MAX, silentSecondsMax / 2);
    this.#child = spawnGuarded(process.execPath, [join(ROOT, "test/runner/test-process-main.ts")], {
      cwd: ROOT,
      env: { ...process.env, ...environment, FORCE_COLOR: "0" },
      hasChannel: true,
    });
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#silentSeconds = 0;
      });
    }
  }

  /** After a failure, the next file needs a new process. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Without tests, with an error, with something left open, or silent for too long, a file fails. */
  async run(file: string, environment: Environment): Promise<FileResult> {
    const begun = performance.now();
    running.set(this, { file, begun });
    this.#files.push(file);
    const answer = await this.#ask({ file, environment, endSecondsMax: this.#endSecondsMax });
    running.delete(this);

    const seconds = (performance.now() - begun) / 1000;
    const { total, passed, skipped, hasError, open } = answer ?? NOTHING;
    const isGood = !hasError && total + skipped > 0 && passed === total && open.length === 0;
    const counts = isGood ? passed : `${passed} of ${total}`;
    process.stdout.write(`${isGood ? "ok  " : "FAIL"} ${file} ${counts} (${seconds.toFixed(1)} s)\n`);
    if (isGood) {
      this.#output = "";
    } else {
      const end = await this.#end();
      const left = `after its last test these stay open: ${open.join(", ")}`;
      process.stdout.write(`${this.#output}\n(${open.length > 0 ? left : end})\n`);
    }
    return { file, passed, failed: isGood ? 0 : Math.max(1, total - passed), skipped, seconds };
  }

  /** @returns what was wrong after the last file. */
  async end(): Promise<string | undefined> {
    const end = await this.#end();
    return end === GOOD_END ? undefined : `${this.#output}\nthe process of ${this.#files.join(", ")} ${end}`;
  }

  /** Guards stop what the files started. */
  async interrupt(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#closed;
  }

  /** @returns undefined if the process ended. */
  async #ask(request: Request): Promise<Answer | undefined> {
    this.#silentSeconds = 0;
    const watch = setInterval(() => {
      this.#silentSeconds += 1;
      if (this.#silentSeconds < this.#silentSecondsMax) return;
      this.#output += `\n(killed: it printed nothing for ${this.#silentSecondsMax} s)\n`;
      clearInterval(watch);
      this.#child.kill("SIGKILL");
    }, 1_000);
    const answer = new Promise<Answer>((resolve) => this.#child.once("message", resolve as () => void));
    // If it has ended, sending fails too.
    this.#child.send(request, () => {});
    const first = await Promise.race([answer, this.#closed.then(() => undefined)]);
    clearInterval(watch);
    return first;
  }

  /** Kills it if it does not end by itself. */
  async #end(): Promise<string> {
    this.#isEnding = true;
    this.#child.send(END, () => {});
    const deadline = setTimeout(() => this.#child.kill("SIGKILL"), this.#endSecondsMax * 1000);
    const code = await this.#closed;
    clearTimeout(deadline);
    return `ended with ${code === null ? "a signal" : `status ${code}`}`;
  }
}

export async function interruptAll(): Promise<void> {
  await Promise.all([...running.keys()].map((child) => child.interrupt()));
}

const NOTHING: Answer = { total: 0, passed: 0, skipped: 0, hasError: true, open: [] };
const GOOD_END = "ended with status 0";
const END_SECONDS_MAX = 60;
