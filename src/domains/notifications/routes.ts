/**
 * Routes beside the calls: one takes events, one shows an order's changes. Addresses contain no user, because traces
 * contain addresses.
 */
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
  TIME,
} from "../../contract/openapi.ts";
import { type IntakeDescription, type Route, sendJson } from "../../contract/route.ts";
import { parsePosition } from "../../contract/values/integers.ts";
import { ARRIVALS } from "./arrival.ts";
import { EVENT_HEADERS, STATUSES } from "./change.ts";
import { selectChangesOfOrder } from "./changes-table.ts";

export function notificationsRoutes({
  database,
  intake,
}: Pick<DomainContext, "database" | "intake">): Route[] {
  const take = intake(INTAKE);
  const show: Route = {
    method: "GET",
    path: "/notifications/orders/:order",
    access: "operator or ingress",
    operation: SHOW,
    handle: async (request, response) => {
      const order = parsePosition(request.params.order ?? "");
      if (order === undefined) throw new InvalidInputError("order", "order must be the id of an order");
      const changes = await selectChangesOfOrder(database, order);
      if (changes.length === 0) throw new NotFoundError("no change of this order has arrived");
      sendJson(response, 200, {
        changes: changes.map(({ position, status, momentMs, sequence, arrival }) => ({
          position: String(position),
          status,
          moment: new Date(momentMs).toISOString(),
          sequence,
          arrival,
        })),
      });
    },
  };
  return take ? [take, show] : [show];
}

const INTAKE: IntakeDescription = {
  path: "/notifications/events",
  tag: "notifications",
  summary: "One event of the order service into the inbox",
  description:
    "As over Kafka: `order_id`, `user`, `status` and `moment`, with the headers `message-id` (`<domain>/<position>/<ordinal>`) and `sequence`. A repeated `message-id` is a duplicate. An invalid event becomes a dead letter; see `GET /messages/:position`.",
  headers: EVENT_HEADERS,
};

const SHOW: Operation = {
  summary: "Show the changes of an order as they arrived",
  tags: ["notifications"],
  parameters: [inPath("order", "the id of the order", POSITION)],
  responses: {
    200: answer(
      "the changes in order of arrival; `arrival` compares the sequence with the previous change",
      object({
        changes: arrayOf(
          object({
            position: POSITION,
            status: oneOf(...STATUSES),
            moment: TIME,
            sequence: COUNT,
            arrival: oneOf(...ARRIVALS),
          }),
        ),
      }),
    ),
    ...problems(400, 404),
  },
};
