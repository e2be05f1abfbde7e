/** Opens notifications: calls, routes, and one log line for each change. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import { served } from "../../contract/rpc.ts";
import { NotificationsService } from "../../proto/marketplace/notifications/v1/notifications_pb.ts";
import type { StoredChange } from "./changes-table.ts";
import { notificationsRpcs } from "./list.ts";
import { createMetrics } from "./metrics.ts";
import { notificationsRoutes } from "./routes.ts";

export function openNotifications(context: DomainContext): DomainService<StoredChange> {
  const { logger } = context;
  const count = createMetrics(context);
  return {
    routes: notificationsRoutes(context),
    rpcs: [served(NotificationsService, notificationsRpcs(context))],
    onProjected: (added) => {
      for (const { order, status, sequence, arrival } of added)
        logger.info({ order: String(order), status, sequence, arrival }, "an order has changed");
      count(added);
    },
  };
}
