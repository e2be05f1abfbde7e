/** The `waybill` command: what an operator does from a shell. */
import { parseArgs } from "node:util";
import { type Config, loadConfig } from "../config/config.ts";
import { InvalidInputError } from "../contract/errors.ts";
import { DOMAINS } from "../domains/index.ts";
import { noMore } from "./arguments.ts";
import { AUDIT_OPTIONS, AUDIT_USAGE, auditCommand } from "./audit.ts";
import { DEADLETTERS_OPTIONS, DEADLETTERS_USAGE, deadletters, type Values } from "./deadletters.ts";
import { install } from "./install.ts";
import { print, printJson } from "./print.ts";
import { exitWith } from "./process.ts";
import { REBUILD_OPTIONS, REBUILD_USAGE, rebuildCommand } from "./rebuild.ts";

type Command = Readonly<{
  summary: string;
  usage?: string;
  options?: NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;
  /** @returns the exit status. @throws InvalidInputError for bad usage. */
  run: (config: Config, values: Values, positionals: readonly string[]) => Promise<number>;
}>;

const COMMANDS: Readonly<Record<string, Command>> = {
  migrate: {
    summary: "bring the database to this version's schema; safe to run twenty at once",
    run: async (config, { json }, positionals) => {
      noMore(positionals);
      const applied = await install(
        config.migrationDatabaseUrl,
        config.databaseUrl,
        config.domains.map(({ name }) => name),
      );
      if (json) printJson({ applied });
      else if (applied.length === 0) print("Nothing to do: the schema is up to date.");
      else print(`Applied ${applied.join(", ")}.`);
      return 0;
    },
  },
  audit: {
    summary: "prove that received = projected + duplicate + dead + pending; exit 1 where it does not hold",
    usage: AUDIT_USAGE,
    options: AUDIT_OPTIONS,
    run: auditCommand,
  },
  rebuild: {
    summary: "make a projection anew from the inbox, compare it with the live one, and take it over",
    usage: REBUILD_USAGE,
    options: REBUILD_OPTIONS,
    run: rebuildCommand,
  },
  deadletters: {
    summary: "look at, redrive, discard and restore what could not be projected",
    usage: DEADLETTERS_USAGE,
    options: DEADLETTERS_OPTIONS,
    run: deadletters,
  },
};

async function main(): Promise<number> {
  const [name, ...rest] = process.argv.slice(2);
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    if (name === "--help" || name === "-h") {
      print(USAGE);
      return 0;
    }
    return badUsage(name === undefined ? "a command is needed" : `there is no command "${name}"`, USAGE);
  }
  const usage = command.usage ?? USAGE;
  try {
    const { values, positionals } = parse(rest, command);
    if (values.help) {
      print(usage);
      return 0;
    }
    return await command.run(loadConfig(DOMAINS), values, positionals);
  } catch (error) {
    if (error instanceof InvalidInputError) return badUsage(error.message, usage);
    throw error;
  }
}

function parse(args: readonly string[], { options }: Command): { values: Values; positionals: string[] } {
  const common = { help: { type: "boolean", short: "h" }, json: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options: { ...common, ...options }, allowPositionals: true });
  } catch (error) {
    throw new InvalidInputError("arguments", (error as Error).message);
  }
}

function badUsage(problem: string, usage: string): number {
  process.stderr.write(`waybill: ${problem}\n\n${usage}\n`);
  return 2;
}

const USAGE = `Usage: npm run waybill -- <command> [--json] [--help]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(13)}${summary}`)
  .join("\n")}

The database is taken from the environment: DATABASE_URL, and MIGRATION_DATABASE_URL for migrate.
Exit status: 0 done; 1 it ran and what it checks does not hold; 2 bad usage or configuration.`;

process.exitCode = await main().catch(exitWith);
