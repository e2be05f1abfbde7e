/**
 * Notifications: changes of a user's orders. Events of the order service arrive over Kafka; each is stored once, although
 * that service's outbox can send copies after a crash.
 *
 *   event ─▶ change.ts (shape) ─▶ projection.ts ─ arrival.ts (gaps) ─▶ notifications_changes ─▶ open.ts (log line, List)
 */
import type { DomainModule } from "../../contract/domain.ts";
import { CHANGE_PATHS } from "./change.ts";
import { type StoredChange, selectChanges } from "./changes-table.ts";
import { NOTIFICATIONS_CHECKS } from "./checks-table.ts";
import { NotificationsProjection } from "./projection.ts";

export const notifications: DomainModule<object, StoredChange> = {
  name: "notifications",
  tables: [{ name: "notifications_changes", key: ["position"] }],
  migrations: new URL("../../../migrations/notifications/", import.meta.url),
  paths: CHANGE_PATHS,
  personalNames: ["user"],
  documents: [
    {
      what: "event id, the header message-id",
      find: async (database, id) => (await selectChanges(database, [id])).map(({ position }) => position),
    },
  ],
  settings: {},
  // No caller waits; a crash of PostgreSQL only repeats the projection.
  isDurable: false,
  checks: NOTIFICATIONS_CHECKS,
  createProjection: () => new NotificationsProjection(),
  open: async (context) => (await import("./open.ts")).openNotifications(context),
};
