/**
 * A setting describes itself: variable, default, rule and meaning. The engine and each domain declare their settings;
 * loadConfig reads them, and `npm run docs` writes docs/configuration.md and .env.example from them.
 */
import type { Rule } from "./rules.ts";

export type Setting<Value> = Readonly<{
  variable: string;
  /** Default as the environment would hold it; undefined if the variable is required. */
  fallback: string | undefined;
  rule: Rule<Value>;
  /** Full sentences in Markdown, without unit and default. */
  description: string;
  unit?: string;
  /** Default in words if `fallback` does not show it. */
  fallbackText?: string;
  /** Value for .env.example if the default is empty or computed. */
  example?: string;
  /** .env.example sets it instead of showing it in a comment. */
  isUsuallySet?: boolean;
  /** Error messages must not show it. */
  isSecret?: boolean;
}>;

export type SettingsOf<Values extends object> = Settings & {
  readonly [Name in keyof Values]: Setting<Values[Name]>;
};

export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values that settings are read as. */
export type ValuesOf<Of extends Settings> = { readonly [Name in keyof Of]: Of[Name]["rule"]["infer"] };

/** One heading of the documents. */
export type SettingGroup = Readonly<{ title: string; note?: string; settings: Settings }>;
