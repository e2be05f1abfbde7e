/**
 * A setting describes itself: its variable, its default, what it may be and what it is for. A domain declares its own
 * settings; the configuration reads them together with the engine's, and reports every problem in one go.
 */
import type { Rule } from "./rules.ts";

/** One environment variable. */
export type Setting<Value> = Readonly<{
  /** Its whole name, such as `CACHE_BYTES_MAX`. */
  variable: string;
  /** As it would be written in the environment; undefined if the variable is required. */
  fallback: string | undefined;
  rule: Rule<Value>;
  /** A noun phrase with the unit, for the documents. */
  description: string;
  /** Whether the value must never be printed. */
  isSecret?: boolean;
}>;

/** The settings of a domain, by the names of their values. */
export type SettingsOf<Values extends object> = { readonly [Name in keyof Values]: Setting<Values[Name]> };

/** The names of a domain's own variables. */
export function variablesOf<Values extends object>(settings: SettingsOf<Values>): string[] {
  return Object.values<Setting<unknown>>(settings).map(({ variable }) => variable);
}
