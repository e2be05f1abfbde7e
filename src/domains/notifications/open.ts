/** Opens notifications: one log line a change, what callers read, and a route that takes events. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import type { IntakeDescription } from "../../contract/route.ts";
import { served } from "../../contract/rpc.ts";
import { NotificationsService } from "../../proto/marketplace/notifications/v1/notifications_pb.ts";
import { EVENT_HEADERS } from "./change.ts";
import type { StoredChange } from "./changes-table.ts";
import { notificationsRpcs } from "./list.ts";
import { createMetrics } from "./metrics.ts";

export function openNotifications(context: DomainContext): DomainService<StoredChange> {
  const { intake, logger } = context;
  const count = createMetrics(context);
  const intakeRoute = intake(INTAKE);
  return {
    routes: intakeRoute ? [intakeRoute] : [],
    rpcs: [served(NotificationsService, notificationsRpcs(context))],
    onProjected: (added) => {
      for (const { order, status, sequence, arrival } of added)
        logger.info({ order: String(order), status, sequence, arrival }, "an order has changed");
      count(added);
    },
  };
}

const INTAKE: IntakeDescription = {
  path: "/notifications/events",
  tag: "notifications",
  summary: "One event of the order service into the inbox",
  description:
    "As Kafka brings it: `order_id`, `user`, `status` and `moment`, with the headers `message-id` (`<domain>/<position>/<ordinal>`) and `sequence`. A `message-id` counts once. What is no event becomes a dead letter; see `GET /messages/:position`.",
  headers: EVENT_HEADERS,
};
