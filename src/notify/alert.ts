/** An alert as messages tell it: without personal data, so that any receiver may see it. */

export type AlertKind =
  | "dead_letter_surge"
  | "projector_stalled"
  | "source_disconnected"
  | "database_unavailable"
  | "audit_broken";

export type Alert = Readonly<{
  kind: AlertKind;
  /** Identify the alert within its kind. */
  labels: Readonly<Record<string, string>>;
  severity: "page" | "ticket";
  /** One sentence, without markup. */
  summary: string;
  /** A page of the service; undefined without PUBLIC_URL. */
  url?: string | undefined;
}>;

/** An alert in a state, as it is sent. */
export type Notice = Readonly<{
  /** The same in each attempt, so that receivers recognise repeated messages. */
  id: string;
  alert: Alert;
  state: "firing" | "resolved";
  startedAt: Date;
  /** Null while it fires. */
  endedAt: Date | null;
}>;

export function keyOf({ kind, labels }: Pick<Alert, "kind" | "labels">): string {
  return JSON.stringify([kind, ...Object.entries(labels).sort()]);
}
