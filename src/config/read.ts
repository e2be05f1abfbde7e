/** Reads settings by their rules and collects all problems. */

import type { Setting, Settings, ValuesOf } from "./settings.ts";
import { type } from "./types.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of the environment, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
    this.problems = problems;
  }
}

export class EnvironmentReader {
  readonly problems: string[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Returns an unusable value after a problem. */
  read<Value>(setting: Setting<Value>): Value {
    return this.#read(setting) as Value;
  }

  readSettings<Of extends Settings>(settings: Of): ValuesOf<Of> {
    const values = Object.entries(settings).map(([name, setting]) => [name, this.#read(setting)]);
    return Object.fromEntries(values);
  }

  finish(): void {
    // Domains share variables, so one problem can be found several times.
    if (this.problems.length > 0) throw new ConfigError([...new Set(this.problems)]);
  }

  #read({ variable, fallback, rule, isSecret }: Setting<unknown>): unknown {
    // Compose files and shells leave a variable out by an empty value.
    const text = this.#environment[variable] || fallback;
    if (text === undefined) {
      this.problems.push(`${variable} is required`);
      return undefined;
    }
    const value = rule(text);
    if (!(value instanceof type.errors)) return value;
    const shown = isSecret ? "" : ` (was ${JSON.stringify(text.slice(0, 200))})`;
    this.problems.push(`${variable} must be ${value[0]?.expected ?? "valid"}${shown}`);
    return undefined;
  }
}
