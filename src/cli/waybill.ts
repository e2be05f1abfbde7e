/** The `waybill` command with all commands of operators. */
import { loadConfig } from "../config/config.ts";
import { DOMAINS } from "../domains/index.ts";
import { actionsCommand } from "./actions.ts";
import { auditCommand } from "./audit.ts";
import { Command, command, exits, JSON_HELP } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { deadlettersCommand } from "./deadletters.ts";
import { domainCommands } from "./domain-commands.ts";
import { findCommand } from "./find.ts";
import { install } from "./install.ts";
import { notifyCommand } from "./notify.ts";
import { operatorTokenCommand } from "./operator-token.ts";
import { outboxCommand } from "./outbox.ts";
import { print, printJson } from "./print.ts";
import { Progress } from "./progress.ts";
import { rebuildCommand } from "./rebuild.ts";
import { pauseCommand, resumeCommand, sourcesCommand } from "./sources.ts";

const migrateCommand = new Command("migrate")
  .description("Bring the database to the schema of this version. Many processes can run it at once.")
  .option("--json", JSON_HELP)
  .action(
    exits(async ({ json }) => {
      const { migrationDatabaseUrl, databaseUrl, domains } = loadConfig(DOMAINS);
      using progress = new Progress({ json });
      progress.show("applying migrations");
      const applied = await install(
        migrationDatabaseUrl,
        databaseUrl,
        DOMAINS.filter(({ name }) => domains.some((domain) => domain.name === name)),
        (stage) => progress.show(stage),
      );
      progress.end();
      if (json) printJson({ applied });
      else if (applied.length === 0) print("Nothing to do: the schema is up to date.");
      else print(`Applied ${applied.join(", ")}.`);
      return 0;
    }),
  );

export const waybill = command("waybill", "Operate a Waybill installation from a shell.")
  .addCommand(migrateCommand)
  .addCommand(findCommand())
  .addCommand(auditCommand)
  .addCommand(rebuildCommand)
  .addCommand(deadlettersCommand())
  .addCommand(outboxCommand())
  .addCommand(actionsCommand())
  .addCommand(operatorTokenCommand)
  .addCommand(sourcesCommand())
  .addCommand(pauseCommand())
  .addCommand(resumeCommand())
  .addCommand(notifyCommand())
  .addHelpText(
    "after",
    `
The environment names the database: DATABASE_URL, and MIGRATION_DATABASE_URL for migrate and rebuild.
Exit status: 0 done; 1 failed, or what it checks does not hold; 2 bad usage or configuration.`,
  );

for (const domainCommand of domainCommands()) waybill.addCommand(domainCommand);
waybill.addCommand(completionCommand(waybill));
