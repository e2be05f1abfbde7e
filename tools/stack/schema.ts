/** The command `npm run schema`: writes `migrations/schema.txt` anew from the migrations. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dumpSchema } from "./schema-dump.ts";
import { startStack } from "./stack.ts";

await using stack = await startStack("schema", () => {});
const text = await stack.postgres.admin((client) => dumpSchema(client as never), "waybill");
await writeFile(fileURLToPath(new URL("../../migrations/schema.txt", import.meta.url)), text);
process.stdout.write("wrote migrations/schema.txt\n");
