/** `npm run schema`. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { command, exits, run } from "../../src/cli/command.ts";
import { dumpSchema } from "./schema-dump.ts";
import { startStack } from "./stack.ts";

const say = (text: string) => process.stderr.write(`schema: ${text}\n`);

const schema = command("schema", "Writes migrations/schema.txt from the migrations.").action(
  exits(async () => {
    await using stack = await startStack("schema", say);
    const text = await stack.postgres.admin((client) => dumpSchema(client as never), "waybill");
    await writeFile(fileURLToPath(new URL("../../migrations/schema.txt", import.meta.url)), text);
    process.stdout.write("wrote migrations/schema.txt\n");
    return 0;
  }),
);

await run(schema);
