/** Writes docs/commands.md from the help of every command. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import project from "../../package.json" with { type: "json" };
import { type CommandUnknownOpts, helpOf } from "../../src/cli/command.ts";
import { waybill } from "../../src/cli/waybill.ts";

const SCRIPTS = Object.entries<string>(project.scripts);

/** The files of all scripts that are commands, once each. */
export const COMMAND_FILES: readonly string[] = SCRIPTS.flatMap(
  ([, script]) => /^exec node (?:--require \S+ |--\S+ )*(\S+\.ts)$/.exec(script)?.[1] ?? [],
);

export const WAYBILL_FILE = "src/cli/main.ts";

/** The words of each command below `waybill`, such as `["deadletters", "list"]`. */
export const WAYBILL_COMMANDS: readonly (readonly string[])[] = pathsBelow(waybill);

/** What `--help` prints for each command, in the sequence of package.json. */
export async function helpTexts(): Promise<string[]> {
  const texts: string[] = [];
  for (const file of COMMAND_FILES) {
    const script = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--help"]);
    texts.push(stdout);
    if (file === WAYBILL_FILE) texts.push(...WAYBILL_COMMANDS.map((words) => helpOf(waybill, words)));
  }
  return texts;
}

export function commandsDocument(helps: readonly string[]): string {
  const rows = helps.map((help) => {
    const name = nameOf(help);
    return `| [\`${name}\`](#${name.replaceAll(" ", "-").replace(/[^a-z-]/g, "")}) | ${descriptionOf(help)} |`;
  });
  return [
    "# Commands",
    "Each command explains itself with `--help`; `npm run docs` writes this page from it. `npm run waybill -- completion bash` (or `zsh`, `fish`) prints a script that defines `waybill` in your shell and completes it.",
    ["| command | what it does |", "|---|---|", ...rows].join("\n"),
    "These scripts run others:",
    ["| command | runs |", "|---|---|", ...shortcuts()].join("\n"),
    ...helps.flatMap((help) => [`## ${nameOf(help)}`, `\`\`\`text\n${help.trimEnd()}\n\`\`\``]),
    "",
  ].join("\n\n");
}

/** `npm run waybill -- audit` of `Usage: npm run waybill -- audit [options]`. */
function nameOf(help: string): string {
  return /^Usage: (npm (?:run )?\S+(?: --(?: [a-z-]+)+)?)/.exec(help)?.[1] ?? "";
}

/** The first sentence. */
function descriptionOf(help: string): string {
  const [, description = ""] = help.split("\n\n");
  return (/^.*?[.?](?= |$)/s.exec(description)?.[0] ?? description).replaceAll("\n", " ");
}

function shortcuts(): string[] {
  return SCRIPTS.filter(([, script]) => !COMMAND_FILES.some((file) => script.endsWith(file))).map(
    ([name, script]) => `| \`npm run ${name}\` | \`${script.replace(/^exec /, "")}\` |`,
  );
}

function pathsBelow(command: CommandUnknownOpts): string[][] {
  return command.commands.flatMap((below) => [
    [below.name()],
    ...pathsBelow(below).map((words) => [below.name(), ...words]),
  ]);
}
