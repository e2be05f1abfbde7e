/** The Idempotency-Key is the id, the token names the owner. The result equals a command from a broker. */
import { readBody } from "../../../contract/body.ts";
import { COMMAND_ID, COMMAND_ID_DESCRIPTION } from "../../../contract/command-shapes.ts";
import { InvalidInputError } from "../../../contract/errors.ts";
import type { Problem, Rejection } from "../../../contract/rejection.ts";
import type { Request } from "../../../contract/route.ts";
import { parseJsonDocument } from "../../../contract/values/json-document.ts";
import { COMMAND_BYTES_MAX, type Command, type CommandType, checkCommand } from "../commands.ts";

/** By path and token; the body must not repeat them. */
export type Given = Readonly<{ type?: CommandType; owner?: string; hold?: string }>;

/** @throws InvalidInputError naming the member; TooLargeError; UnsupportedBodyError */
export async function readCommand(request: Request, given: Given): Promise<Command> {
  const id = readKey(request.headers["idempotency-key"]);
  const bytes = await readBody(request, { bytesMax: COMMAND_BYTES_MAX });
  const document = bytes.length === 0 ? { value: {} } : parseJsonDocument(bytes, COMMAND_BYTES_MAX);
  if ("code" in document) throw invalid(document);
  const { value } = document;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidInputError("body", "the body must be a JSON object");
  const members: Record<string, unknown> = { id, ...given };
  for (const name of Object.keys(members)) {
    if (name in value)
      throw new InvalidInputError(name, `${name} must not be in the body: ${GIVEN_BY[name]}`);
  }
  const command = checkCommand(inSequence({ ...value, ...members }));
  if ("problems" in command) throw invalid(command);
  return command;
}

/** Equal bytes for any order of the body's members. */
export function payloadOf(command: Command): Buffer {
  return Buffer.from(JSON.stringify(command));
}

/** @throws InvalidInputError */
export function readKey(header: string | string[] | undefined): string {
  if (typeof header === "string" && COMMAND_ID.test(header)) return header;
  throw new InvalidInputError("Idempotency-Key", `Idempotency-Key must be ${COMMAND_ID_DESCRIPTION}`);
}

/** Unknown members last; validation then names them. */
function inSequence(value: Record<string, unknown>): Record<string, unknown> {
  const known = SEQUENCE.filter((name) => name in value).map((name) => [name, value[name]]);
  return { ...Object.fromEntries(known), ...value };
}

function invalid({ problems }: Rejection): InvalidInputError {
  const { path, expected, received } = problems[0] as Problem;
  const name = path.slice(1).replaceAll("/", ".") || "body";
  return new InvalidInputError(name, `${name} must be ${expected}, and not ${received}`);
}

const SEQUENCE = [
  "id",
  "type",
  "owner",
  "to",
  "currency",
  "amount",
  "expires_in_seconds",
  "hold",
  "transaction",
  "from",
  "code",
  "numeric_code",
  "exponent",
  "enabled",
];

const GIVEN_BY: Readonly<Record<string, string>> = {
  id: "the Idempotency-Key gives it",
  owner: "the token's subject gives it",
  type: "the path gives it",
  hold: "the path gives it",
};
