/**
 * `waybill completion SHELL`: prints a script, generated from the commands, that defines `waybill` in a shell and
 * completes commands, options and choices. It starts no process per keystroke, as completion libraries for commander do.
 */
import { fileURLToPath } from "node:url";
import { Argument, Command, type CommandUnknownOpts, exits } from "./command.ts";
import { print } from "./print.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export function completionCommand(program: CommandUnknownOpts) {
  return new Command("completion")
    .description("Print a script that defines and completes `waybill` in your shell.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
bash, zsh: source <(npm run --silent waybill -- completion bash)
fish:      npm run --silent waybill -- completion fish | source`,
    )
    .action(
      exits((shell) => {
        print(shell === "fish" ? fishScript(program) : bashScript(program, shell));
        return 0;
      }),
    );
}

/** zsh runs it by its emulation of bash. */
function bashScript(program: CommandUnknownOpts, shell: "bash" | "zsh"): string {
  const commands = commandsOf(program);
  const values = commands.flatMap(({ words, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flag, choices }) => `    '${[...words, flag].join(" ")}') words='${choices.join(" ")}' ;;`),
  );
  const known = commands.slice(1).map(({ words }) => `'${words.join(" ")}'`);
  return `${shell === "zsh" ? `${ZSH_HEAD}\n` : ""}waybill() { ${INVOCATION} "$@"; }
_waybill() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command= word words index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "\${command:+$command }$word" in
      ${known.join("|")}) command="\${command:+$command }$word" ;;
    esac
  done
  case "\${command:+$command }\${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join("\n")}
    *) case "$command" in
${commands.map(({ words, next }) => `      '${words.join(" ")}') words='${next.join(" ")}' ;;`).join("\n")}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _waybill waybill`;
}

function fishScript(program: CommandUnknownOpts): string {
  const lines = commandsOf(program).flatMap(({ words, children, choices, options }) => {
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const names = children.map(({ name }) => name);
    const hasNone = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(" ")}`];
    const rule = (conditions: readonly string[], rest: string, description: string) =>
      `complete -c waybill${conditions.length > 0 ? ` -n ${quoted(conditions.join("; and "))}` : ""} ${rest} -d ${quoted(description)}`;
    return [
      ...children.map(({ name, summary }) => rule([...seen, ...hasNone], `-f -a ${name}`, summary)),
      ...(choices.length > 0 ? [rule(seen, `-f -a ${quoted(choices.join(" "))}`, "argument")] : []),
      ...options.map(({ flag, description, takesValue, choices }) => {
        const value = takesValue ? (choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : " -r") : "";
        return rule([...seen, ...hasNone], `-l ${flag.replace(/^--/, "")}${value}`, description);
      }),
    ];
  });
  return [`function waybill; ${INVOCATION} $argv; end`, "complete -c waybill -f", ...lines].join("\n");
}

/** A command as a shell sees it; the first one is the program. */
type Completed = Readonly<{
  /** Empty for the program. */
  words: readonly string[];
  children: readonly Readonly<{ name: string; summary: string }>[];
  /** Values of its first argument. */
  choices: readonly string[];
  options: readonly Readonly<{
    flag: string;
    description: string;
    takesValue: boolean;
    choices: readonly string[];
  }>[];
  /** Everything that can follow. */
  next: readonly string[];
}>;

function commandsOf(command: CommandUnknownOpts, words: readonly string[] = []): Completed[] {
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const children = below.map((child) => ({
    name: child.name(),
    summary: child.summary() || child.description(),
  }));
  const choices = command.registeredArguments[0]?.argChoices ?? [];
  const options = help.visibleOptions(command).map((option) => ({
    flag: option.long ?? option.flags,
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  }));
  const next = [...children.map(({ name }) => name), ...choices, ...options.map(({ flag }) => flag)];
  return [
    { words, children, choices, options, next },
    ...below.flatMap((child) => commandsOf(child, [...words, child.name()])),
  ];
}

const quoted = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Keeps the working directory of the shell, which npm would change. */
const INVOCATION = [process.execPath, `--env-file-if-exists=${ROOT}.env`, `${ROOT}src/cli/main.ts`]
  .map((word) => `"${word.replace(/["$`\\]/g, "\\$&")}"`)
  .join(" ");

const ZSH_HEAD = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
autoload -Uz bashcompinit && bashcompinit`;
