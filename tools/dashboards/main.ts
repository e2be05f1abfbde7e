/** The command `npm run dashboards`: writes `dashboards/*.json`. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { command, exits, run } from "../../src/cli/command.ts";
import { DASHBOARDS, fileOf, jsonOf } from "./dashboards.ts";

const dashboards = command("dashboards", "Writes dashboards/*.json.").action(
  exits(async () => {
    for (const dashboard of DASHBOARDS) {
      const file = fileURLToPath(new URL(`../../dashboards/${fileOf(dashboard)}`, import.meta.url));
      await writeFile(file, jsonOf(dashboard));
      process.stdout.write(`wrote dashboards/${fileOf(dashboard)}\n`);
    }
    return 0;
  }),
);

await run(dashboards);
