/** Writes the settings, which describe themselves in the code, as tables and as .env.example. */
import { channelsOf, settingGroups } from "../../src/config/config.ts";
import type { Setting } from "../../src/config/settings.ts";
import { DOMAINS } from "../../src/domains/index.ts";

const GROUPS = settingGroups(DOMAINS);
const SETTINGS = GROUPS.flatMap(({ settings }) => Object.values(settings));

export function configurationDocument(): string {
  return [
    "# Configuration",
    "Environment variables configure the service. `npm start`, `npm run waybill` and `npm run publisher` also read a file `.env`; [.env.example](../.env.example) is a template. All variables are checked at the start; if some are wrong, every problem is printed and the exit status is 2. An empty variable counts as not set.",
    "This document and `.env.example` are written by `npm run docs` from the settings in `src/config` and `src/domains`.",
    ...GROUPS.flatMap(({ title, note, settings }) => [
      `## ${title}`,
      ...(note === undefined ? [] : [note]),
      tableOf(Object.values(settings)),
    ]),
    "",
  ].join("\n\n");
}

/** @param names variables, separated by commas. */
export function settingsTable(names: string): string {
  const chosen = names.split(",").map((name) => {
    const setting = SETTINGS.find(({ variable }) => variable === name.trim());
    if (!setting) throw new Error(`${name.trim()} is not a setting`);
    return setting;
  });
  return tableOf(chosen);
}

export function environmentExample(): string {
  return [
    comment(
      "Copy to .env. `npm start`, `npm run waybill` and `npm run publisher` read it. Only DATABASE_URL is required. A variable in a comment shows its default, or an example if the default is empty. Written by `npm run docs`.",
    ),
    ...GROUPS.flatMap(({ title, note, settings }) => [
      `# ---- ${title} ----${note === undefined ? "" : `\n${comment(note)}`}`,
      ...Object.values(settings).map(exampleLines),
    ]),
    "",
  ].join("\n\n");
}

function tableOf(settings: readonly Setting<unknown>[]): string {
  const rows = settings.map((setting) => {
    const { variable, description, example } = setting;
    const shown = example === undefined ? "" : ` Example: \`${example}\`.`;
    return `| \`${variable}\` | ${defaultOf(setting)} | ${description}${shown} |`;
  });
  return ["| variable | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

function defaultOf({ fallback, fallbackText, unit }: Setting<unknown>): string {
  if (fallbackText !== undefined) return fallbackText;
  if (fallback === undefined) return REQUIRED;
  if (fallback === "") return "none";
  const mebibytes = Number(fallback) / 2 ** 20;
  const readable = unit === "bytes" && Number.isInteger(mebibytes) ? ` (${mebibytes} MiB)` : "";
  return `\`${fallback}\`${unit === undefined ? "" : ` ${unit}`}${readable}`;
}

function exampleLines(setting: Setting<unknown>): string {
  const { variable, fallback, fallbackText, description, example, isUsuallySet } = setting;
  const value = fallbackText === undefined && fallback ? fallback : (example ?? CHANNEL_EXAMPLE);
  const isShown = value === fallback && setting.unit === undefined;
  const otherwise = defaultOf(setting) === REQUIRED ? "Required." : `Default: ${defaultOf(setting)}.`;
  const meaning = isShown ? description : `${description} ${otherwise}`;
  return `${comment(meaning)}\n${isUsuallySet ? "" : "#"}${variable}=${fallback === "" && !example ? "" : value}`;
}

/** The domain whose channel variables have no prefix. */
const CHANNEL_EXAMPLE = DOMAINS.map(channelsOf).find(({ prefix }) => prefix === "")?.name;

/** Comment lines without Markdown. */
function comment(markdown: string): string {
  const text = markdown.replace(/\[[^\]]*\]\(([^)]+)\)/g, "docs/$1").replaceAll("`", "");
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? "#"} ${word}`;
    if (lines.length > 0 && longer.length <= LINE_CHARACTERS) lines[lines.length - 1] = longer;
    else lines.push(`# ${word}`);
  }
  return lines.join("\n");
}

const REQUIRED = "required";

/** As wide as the code. */
const LINE_CHARACTERS = 120;
