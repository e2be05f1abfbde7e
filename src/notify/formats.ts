/** The bodies of messages: the service's own JSON, Slack's incoming webhooks, and Alertmanager's API. */
import type { AlertKind, Notice } from "./alert.ts";

export const NOTIFY_FORMATS = ["generic", "slack", "alertmanager"] as const;
export type NotifyFormat = (typeof NOTIFY_FORMATS)[number];

export const bodyOf: Readonly<Record<NotifyFormat, (notice: Notice) => object>> = {
  generic: ({ id, alert, state, startedAt, endedAt }) => ({
    type: `alert.${state}`,
    timestamp: (endedAt ?? startedAt).toISOString(),
    data: {
      id,
      alert: alert.kind,
      state,
      severity: alert.severity,
      labels: alert.labels,
      summary: alert.summary,
      url: alert.url ?? null,
      started_at: startedAt.toISOString(),
      ended_at: endedAt?.toISOString() ?? null,
    },
  }),
  slack: ({ alert, state }) => {
    const link = alert.url === undefined ? "" : ` <${alert.url}|Open>`;
    return { text: `${state === "firing" ? "Firing" : "Resolved"}: ${escaped(alert.summary)}${link}` };
  },
  alertmanager: ({ alert, startedAt, endedAt }) => [
    {
      labels: {
        alertname: ALERT_NAMES[alert.kind],
        severity: alert.severity,
        notifier: "waybill",
        ...alert.labels,
      },
      annotations: { summary: alert.summary },
      startsAt: startedAt.toISOString(),
      // Alertmanager resolves an alert that is not sent again by then.
      endsAt: (endedAt ?? new Date(Date.now() + ALERTMANAGER_HOLD_MS)).toISOString(),
      ...(alert.url === undefined ? {} : { generatorURL: alert.url }),
    },
  ],
};

/** Seconds after which a firing alert is sent again; null: never. */
export const REPEAT_SECONDS: Readonly<Record<NotifyFormat, number | null>> = {
  generic: null,
  slack: null,
  alertmanager: 60,
};

/** Source: Slack, "Formatting text for app surfaces". */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Those of alerts.yml, so that Alertmanager groups both. */
const ALERT_NAMES: Readonly<Record<AlertKind, string>> = {
  dead_letter_surge: "WaybillDeadLetterSurge",
  projector_stalled: "WaybillProjectorStalled",
  source_disconnected: "WaybillSourceDisconnected",
  database_unavailable: "WaybillDatabaseUnavailable",
  audit_broken: "WaybillAuditDiscrepancy",
};

const ALERTMANAGER_HOLD_MS = 300_000;
