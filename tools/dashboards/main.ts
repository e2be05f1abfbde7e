/** The command `npm run dashboards`: writes `dashboards/*.json` anew. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { DASHBOARDS, fileOf, jsonOf } from "./dashboards.ts";

for (const dashboard of DASHBOARDS) {
  await writeFile(
    fileURLToPath(new URL(`../../dashboards/${fileOf(dashboard)}`, import.meta.url)),
    jsonOf(dashboard),
  );
  process.stdout.write(`wrote dashboards/${fileOf(dashboard)}\n`);
}
