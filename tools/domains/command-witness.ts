/** Each acknowledged command was decided, with a published content, and each service answers with that decision. */
import type { Database } from "../../src/database/database.ts";
import { Journal } from "./journal.ts";
import type { Reader, Witness } from "./kit.ts";

export type StoredCommand = Readonly<{
  key: string;
  /** PostgreSQL's md5 of the payload. */
  content: string;
  position: bigint;
  status: string;
}>;

export abstract class CommandWitness<Stored extends StoredCommand> extends Journal implements Witness {
  /** @param keys up to KEYS_PER_QUERY. */
  protected abstract select(database: Database, keys: readonly string[]): Promise<readonly Stored[]>;

  protected isAnswer(
    given: Readonly<Record<string, string | undefined>>,
    { position, status }: Stored,
  ): boolean {
    return given.position === String(position) && given.status === status;
  }

  async check(database: Database, services: readonly Reader[]): Promise<string[]> {
    const keys = this.takeFresh();
    const stored = new Map<string, Stored>();
    for (let begin = 0; begin < keys.length; begin += KEYS_PER_QUERY) {
      const part = await this.select(database, keys.slice(begin, begin + KEYS_PER_QUERY));
      for (const command of part) stored.set(command.key, command);
    }
    const findings: string[] = [];
    for (const key of keys) {
      const command = stored.get(key);
      if (command === undefined) findings.push(`command ${key} was not decided`);
      else if (!this.wasPublished(key, command.content))
        findings.push(`command ${key} was decided with a content that was never published`);
    }
    for (const service of services) findings.push(...(await this.#compareAnswers(service, stored)));
    return findings;
  }

  async #compareAnswers(service: Reader, stored: ReadonlyMap<string, Stored>): Promise<string[]> {
    const findings: string[] = [];
    const rest = stored.entries();
    await Promise.all(
      Array.from({ length: READERS }, async () => {
        for (const [key, command] of rest) {
          const answer = await service.read(key).catch(() => undefined);
          if (!answer || !this.isAnswer(JSON.parse(answer.toString()), command))
            findings.push(`the answer of ${service.url} for command ${key} differs from its decision`);
        }
      }),
    );
    return findings;
  }
}

const KEYS_PER_QUERY = 5_000;

/** In flight to one service. */
const READERS = 16;
