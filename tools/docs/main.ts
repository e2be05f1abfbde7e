/** The command `npm run docs`: writes the documents that come from the code and from bench/results.json. */
import { command, exits, run } from "../../src/cli/command.ts";
import { commandsDocument, helpTexts } from "./commands.ts";
import { figureDocuments, settingDocuments, write } from "./documents.ts";

const docs = command(
  "docs",
  "Writes docs/configuration.md, docs/commands.md, .env.example, bench/RESULTS.md, and the marked parts of README.md and docs.",
).action(
  exits(async () => {
    const documents = {
      ...settingDocuments(),
      ...figureDocuments(),
      "docs/commands.md": commandsDocument(await helpTexts()),
    };
    await write(documents);
    process.stdout.write(`wrote ${Object.keys(documents).join(", ")}\n`);
    return 0;
  }),
);

await run(docs);
