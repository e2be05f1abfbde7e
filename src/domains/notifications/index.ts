/**
 * Notifications: what happened to the orders of a user. The events of the order service come in over Kafka, and each one
 * is kept once, though the outbox of that service may send copies after a crash.
 *
 *   event ─▶ change.ts (shape) ─▶ projection.ts ─ arrival.ts (gaps) ─▶ notifications_changes ─▶ open.ts (log line, List)
 */
import type { DomainModule } from "../../contract/domain.ts";
import { CHANGE_PATHS } from "./change.ts";
import type { StoredChange } from "./changes-table.ts";
import { NOTIFICATIONS_CHECKS } from "./checks-table.ts";
import { NotificationsProjection } from "./projection.ts";

export const notifications: DomainModule<object, StoredChange> = {
  name: "notifications",
  tables: [{ name: "notifications_changes", key: ["position"] }],
  migrations: new URL("../../../migrations/notifications/", import.meta.url),
  paths: CHANGE_PATHS,
  personalNames: ["user"],
  settings: {},
  // No caller waits for an event, so none has to wait for the disk: it is projected again after a crash.
  isDurable: false,
  checks: NOTIFICATIONS_CHECKS,
  createProjection: () => new NotificationsProjection(),
  open: async (context) => (await import("./open.ts")).openNotifications(context),
};
