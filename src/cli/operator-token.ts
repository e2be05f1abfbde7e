/** `waybill operator-token`: makes a token, and its entry for OPERATORS_FILE, which holds only the hash. */
import { randomBytes } from "node:crypto";
import { author, digestOf, ROLES } from "../config/operators-file.ts";
import { type } from "../config/types.ts";
import { Command, exits, InvalidArgumentError, JSON_HELP, Option } from "./command.ts";
import { print, printJson } from "./print.ts";

export const operatorTokenCommand = new Command("operator-token")
  .description("Make a token for an operator, a reader or a sender, and its entry for OPERATORS_FILE.")
  .argument("<name>", "name that signs the actions", (text) => {
    const name = author(text);
    if (name instanceof type.errors) throw new InvalidArgumentError(`It must be ${name[0]?.expected}.`);
    return name;
  })
  .addOption(new Option("--role <role>", "what the token allows").choices(ROLES).default("operator"))
  .option("--json", JSON_HELP)
  .action(
    exits((name, { role, json }) => {
      const token = randomBytes(TOKEN_BYTES).toString("base64url");
      const entry = { name, role, sha256: digestOf(token).toString("hex") };
      if (json) printJson({ token, entry });
      else {
        print(`Token, shown only here: ${token}`);
        print(`Entry for OPERATORS_FILE: ${JSON.stringify(entry)}`);
      }
      return 0;
    }),
  );

/** Too many to guess, so that a hash without salt suffices. */
const TOKEN_BYTES = 32;
