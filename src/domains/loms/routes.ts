/**
 * Commands as messages over HTTP, among them `stock.put` of operators, and their decisions. The user of an order is left
 * to OrderInfo.
 */
import type { ServerResponse } from "node:http";
import type { DomainContext } from "../../contract/domain.ts";
import { InvalidInputError, NotFoundError } from "../../contract/errors.ts";
import {
  answer,
  arrayOf,
  COUNT,
  inPath,
  type Operation,
  object,
  oneOf,
  POSITION,
  problems,
  type Schema,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { defined } from "../../contract/values/shapes.ts";
import { COMMAND_TYPES } from "./commands.ts";
import { selectCommands } from "./commands-table.ts";
import { DECLINE_REASONS } from "./model.ts";
import { selectOrder } from "./orders-table.ts";

export function lomsRoutes({ database, intake }: Pick<DomainContext, "database" | "intake">): Route[] {
  const take = intake({
    path: "/loms/commands",
    tag: "loms",
    summary: "Give a command as a message",
    description:
      "Stores any bytes as one message. `stock.put` says how many pieces of an SKU there are, and how many others reserve.",
  });
  const show: Route = {
    method: "GET",
    path: "/loms/commands/:id",
    access: "operator or ingress",
    operation: SHOW,
    handle: async (request: Request, response: ServerResponse) => {
      const name = request.params.id as string;
      if (!NAME.test(name))
        throw new InvalidInputError("id", "id must be 1 to 69 printable ASCII characters");
      const [command] = await selectCommands(database, [name]);
      if (!command) throw new NotFoundError("no command with this id is decided");
      const { position, id, type, reason, order, atMs } = command;
      const created = type === "order.create" ? await selectOrder(database, order as bigint) : undefined;
      const document = defined({
        position: String(position),
        id,
        type,
        status: reason === undefined ? "succeeded" : "declined",
        reason,
        order_id: order === undefined ? undefined : String(order),
        items: created?.items,
        at: new Date(atMs).toISOString(),
      });
      sendJson(response, 200, document);
    },
  };
  return take ? [take, show] : [show];
}

/** An id, or the name of a tick. */
const NAME = /^[\x20-\x7e]{1,69}$/;
const ID: Schema = { type: "string", pattern: "^[ -~]{1,69}$" };

const SHOW: Operation = {
  summary: "Show a command and what became of it",
  tags: ["loms"],
  parameters: [inPath("id", "the id of the command", ID)],
  responses: {
    200: answer(
      "what was decided, and of an order that it created the items",
      object(
        {
          position: POSITION,
          id: TEXT,
          type: oneOf(...COMMAND_TYPES),
          status: oneOf("succeeded", "declined"),
          at: TIME,
        },
        {
          reason: oneOf(...DECLINE_REASONS),
          order_id: POSITION,
          items: arrayOf(object({ sku: COUNT, count: COUNT })),
        },
      ),
    ),
    ...problems(400, 404),
  },
};
