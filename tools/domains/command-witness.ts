/**
 * What the witnesses of domains with commands have in common: each command that was acknowledged was decided, by a content
 * that was published under its id, and each service answers for it as the table has it.
 */
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
  /** Reads what was decided under these keys, some thousands at most. */
  protected abstract select(database: Database, keys: readonly string[]): Promise<readonly Stored[]>;

  /** Whether the document of a service says what the table says. */
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
      for (const one of part) stored.set(one.key, one);
    }
    const findings: string[] = [];
    for (const key of keys) {
      const one = stored.get(key);
      if (one === undefined) findings.push(`command ${key} was not decided`);
      else if (!this.wasPublished(key, one.content))
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
        for (const [key, one] of rest) {
          const answer = await service.read(key).catch(() => undefined);
          if (!answer || !this.isAnswer(JSON.parse(answer.toString()), one))
            findings.push(`command ${key} is not answered for by ${service.url} as it was decided`);
        }
      }),
    );
    return findings;
  }
}

const KEYS_PER_QUERY = 5_000;

/** Requests in flight to one service. */
const READERS = 16;
