/** The steps of a scenario: each is said, and what was not as expected is remembered. */
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

  #problem(text: string): void {
    this.problems.push(text);
    this.#say(`WRONG ${text}`);
  }
}
