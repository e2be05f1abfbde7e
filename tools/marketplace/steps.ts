/** The steps of a scenario: each is said, and what was not as expected is remembered. */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeOf } from "./clients.ts";

export class Steps {
  readonly problems: string[] = [];
  readonly #say: (text: string) => void;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** A call that succeeds. @throws ConnectError if it does not: what follows could make no sense. */
  async answers<Answer>(
    call: string,
    answer: Promise<Answer>,
    describe: (answer: Answer) => string = () => "",
  ): Promise<Answer> {
    try {
      const given = await answer;
      const description = describe(given);
      this.#say(`ok    ${call} ─▶ OK${description && `, ${description}`}`);
      return given;
    } catch (error) {
      this.#problem(`${call} ─▶ ${ConnectError.from(error).message}`);
      throw error;
    }
  }

  /** A call that is refused with this status. */
  async refuses(call: string, answer: Promise<unknown>, code: Code, why: string): Promise<void> {
    const given = await codeOf(answer);
    const text = given === undefined ? "OK" : Code[given];
    if (given === code) this.#say(`ok    ${call} ─▶ ${text}, ${why}`);
    else this.#problem(`${call} ─▶ ${text} instead of ${Code[code]}, ${why}`);
  }

  holds(what: string, isTrue: boolean): void {
    if (isTrue) this.#say(`ok    ${what}`);
    else this.#problem(`NOT true: ${what}`);
  }

  /** What follows from earlier steps a moment later. */
  async becomes(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    const begun = performance.now();
    while (!(await isTrue())) {
      if (performance.now() - begun > BECOMES_MS_MAX) return this.holds(what, false);
      await delay(POLL_MS);
    }
    this.holds(what, true);
  }

  #problem(text: string): void {
    this.problems.push(text);
    this.#say(`WRONG ${text}`);
  }
}

/** Usual are some milliseconds. A Kafka consumer that joins its group takes seconds. */
const BECOMES_MS_MAX = 60_000;
const POLL_MS = 100;
