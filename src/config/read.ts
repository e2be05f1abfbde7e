/** Reads variables of the environment by their rules and collects what is wrong, so that all of it is reported at once. */
import { type } from "arktype";
import type { Rule } from "./rules.ts";
import type { Setting, SettingsOf } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of the environment, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
    this.problems = problems;
  }
}

/** Reads one variable by its rule. A problem is recorded, and the value returned then is unusable. */
export type Read = <T>(name: string, fallback: string | undefined, rule: Rule<T>) => T;

export class EnvironmentReader {
  readonly problems: string[] = [];
  /** The names of the variables that were read. */
  readonly names = new Set<string>();
  readonly #environment: Environment;
  readonly #secrets: ReadonlySet<string>;

  /** @param secrets names of variables whose values must not be printed. */
  constructor(environment: Environment, secrets: ReadonlySet<string>) {
    this.#environment = environment;
    this.#secrets = secrets;
  }

  readonly read: Read = <T>(name: string, fallback: string | undefined, rule: Rule<T>): T =>
    this.#read(name, fallback, rule, this.#secrets.has(name)) as T;

  /** The values of a domain's own settings. */
  readSettings<Values extends object>(settings: SettingsOf<Values>): Values {
    const values = Object.entries<Setting<unknown>>(settings).map(([name, setting]) => [
      name,
      this.#read(setting.variable, setting.fallback, setting.rule, setting.isSecret ?? false),
    ]);
    return Object.fromEntries(values);
  }

  /** @throws ConfigError if any variable was wrong. */
  finish(): void {
    // Domains share variables, so one problem may have been found several times.
    if (this.problems.length > 0) throw new ConfigError([...new Set(this.problems)]);
  }

  #read(name: string, fallback: string | undefined, rule: Rule<unknown>, isSecret: boolean): unknown {
    this.names.add(name);
    // An empty value means "not set": compose files and shells leave a variable out that way.
    const text = this.#environment[name] || fallback;
    if (text === undefined) {
      this.problems.push(`${name} is required`);
      return undefined;
    }
    const value = rule(text);
    if (!(value instanceof type.errors)) return value;
    const shown = isSecret ? "" : ` (was ${JSON.stringify(text.slice(0, 200))})`;
    this.problems.push(`${name} must be ${value[0]?.expected ?? "valid"}${shown}`);
    return undefined;
  }
}
