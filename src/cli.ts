/** The `waybill` command: what an operator does from a shell. */
import { parseArgs } from "node:util";
import { type Config, loadConfig } from "./config.ts";
import { migrate } from "./database/migrate.ts";
import { closePool, openPool } from "./database/pool.ts";
import { ORDERS } from "./domains/orders/index.ts";
import { exitWith } from "./process.ts";
import { type AuditReport, audit, toJson } from "./projector/audit.ts";
import { installQueues } from "./projector/wakeups.ts";
import { createLogger } from "./telemetry/logger.ts";

type Command = Readonly<{
  summary: string;
  run: (config: Config, options: { json: boolean }) => Promise<number>;
}>;

const COMMANDS: Readonly<Record<string, Command>> = {
  migrate: {
    summary: "bring the database to this version's schema; safe to run twenty at once",
    run: async (config, { json }) => {
      const applied = await migrate(config.migrationDatabaseUrl, config.databaseUrl, (executeSql) =>
        installQueues(executeSql, config.domains),
      );
      if (json) print(JSON.stringify({ applied }));
      else
        print(
          applied.length === 0
            ? "Nothing to do: the schema is up to date."
            : `Applied ${applied.join(", ")}.`,
        );
      return 0;
    },
  },
  audit: {
    summary: "prove that received = projected + duplicate + dead + pending; exit 1 where it does not hold",
    run: async (config, { json }) => {
      const pool = openPool(config.databaseUrl, 1, createLogger("silent"));
      try {
        const domains = config.domains.map((name) => DOMAINS[name]);
        const report = await audit(pool, domains);
        print(json ? JSON.stringify(toJson(report)) : describe(report));
        return report.holds ? 0 : 1;
      } finally {
        await closePool(pool);
      }
    },
  },
};

async function main(): Promise<number> {
  const { values, positionals, problem } = readArguments();
  const [name] = positionals;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  if (problem !== undefined || command === undefined || positionals.length > 1) {
    const wrong =
      problem ??
      (name === undefined ? "a command is needed" : `there is no command "${positionals.join(" ")}"`);
    process.stderr.write(`waybill: ${wrong}\n\n${USAGE}\n`);
    return 2;
  }
  return command.run(loadConfig(), { json: values.json ?? false });
}

function readArguments() {
  const options = { help: { type: "boolean", short: "h" }, json: { type: "boolean" } } as const;
  try {
    return { ...parseArgs({ options, allowPositionals: true }), problem: undefined };
  } catch (error) {
    return {
      values: {} as { help?: boolean; json?: boolean },
      positionals: [],
      problem: (error as Error).message,
    };
  }
}

function describe({ holds, domains }: AuditReport): string {
  const lines = Object.entries(domains).flatMap(([name, counts]) => {
    const { received, projected, duplicate, dead, pending, broken, discrepancies } = counts;
    const sum = `${name}: received ${received} = projected ${projected} + duplicate ${duplicate} + dead ${dead} + pending ${pending}`;
    if (broken === 0n) return [sum];
    const more = broken > BigInt(discrepancies.length) ? ", …" : "";
    return [sum, `${name}: ${broken} positions break this: ${discrepancies.join(", ")}${more}`];
  });
  return [...lines, holds ? "Conservation holds." : "Conservation does NOT hold."].join("\n");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Which table holds what each domain projected. */
const DOMAINS = { orders: ORDERS } as const;

const USAGE = `Usage: npm run waybill -- <command> [--json]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join("\n")}

The database is taken from the environment: DATABASE_URL, and MIGRATION_DATABASE_URL for migrate.
Exit status: 0 done; 1 it ran and what it checks does not hold; 2 bad usage or configuration.`;

process.exitCode = await main().catch(exitWith);
