/** Commands as messages, and their decisions. Users call gRPC or its gateway instead. */
import type { DomainContext } from "../../contract/domain.ts";
import { NotFoundError } from "../../contract/errors.ts";
import {
  answer,
  inPath,
  nullable,
  type Operation,
  object,
  oneOf,
  POSITION,
  problems,
  TEXT,
} from "../../contract/openapi.ts";
import { selectPayloads } from "../../contract/payloads-table.ts";
import { type IntakeDescription, type Route, sendJson } from "../../contract/route.ts";
import { COMMAND_TYPES } from "./commands.ts";
import { selectDecided } from "./commands-table.ts";
import { DECLINE_REASONS } from "./model.ts";

export function commandRoutes({ database, intake }: Pick<DomainContext, "database" | "intake">): Route[] {
  const show: Route = {
    method: "GET",
    path: "/cart/commands/:id",
    access: "ingress",
    operation: SHOW_COMMAND,
    handle: async ({ params }, response) => {
      const [decided] = await selectDecided(database, [params.id as string]);
      if (!decided) throw new NotFoundError("no command with this id is decided");
      const { position, id, type, reason, checkout } = decided;
      const payload = (await selectPayloads(database, [position])).get(position) as Buffer;
      sendJson(response, 200, {
        position: String(position),
        id,
        type,
        status: reason === undefined ? "succeeded" : "declined",
        reason: reason ?? null,
        checkout: checkout ?? null,
        command: JSON.parse(payload.toString()),
      });
    },
  };
  const take = intake(INTAKE);
  return take ? [take, show] : [show];
}

const INTAKE: IntakeDescription = {
  path: "/cart/commands",
  tag: "cart",
  summary: "One command into the inbox",
  description:
    "Accepts any bytes. A payload that is not a valid command becomes a dead letter; see `GET /messages/:position`.",
};

const SHOW_COMMAND: Operation = {
  tags: ["cart"],
  summary: "Show the decision about a command",
  parameters: [inPath("id", "the id of the command", { type: "string", minLength: 1, maxLength: 72 })],
  responses: {
    200: answer(
      "the decision, and the command as it arrived",
      object({
        position: POSITION,
        id: TEXT,
        type: oneOf(...COMMAND_TYPES),
        status: oneOf("succeeded", "declined"),
        reason: nullable(oneOf(...DECLINE_REASONS)),
        checkout: nullable(TEXT),
        command: { type: "object" },
      }),
    ),
    ...problems(404, 503),
  },
};
