/** The settings of the webhook that alerts are sent to. */
import { integerBetween, notifySecret, oneOf, webhookUrl } from "./rules.ts";
import type { Settings } from "./settings.ts";

export const NOTIFY_SETTINGS = {
  url: {
    variable: "NOTIFY_URL",
    fallback: "",
    rule: webhookUrl,
    description:
      "Webhook that is told of alerts. See [observability.md](observability.md). Without it nothing is sent.",
    example: "https://hooks.example/waybill",
    isSecret: true,
  },
  format: {
    variable: "NOTIFY_FORMAT",
    fallback: "generic",
    rule: oneOf(["generic", "slack", "alertmanager"]),
    description:
      "Format of the messages: `generic`, `slack` (incoming webhook), or `alertmanager` (the URL ends in `/api/v2/alerts`).",
  },
  secret: {
    variable: "NOTIFY_SECRET",
    fallback: "",
    rule: notifySecret,
    description:
      "Signs messages as Standard Webhooks defines it: `whsec_` and 24 to 64 bytes in Base64. Without it they are not signed.",
    isSecret: true,
  },
  surgeLetters: {
    variable: "NOTIFY_SURGE_LETTERS",
    fallback: "20",
    rule: integerBetween(1, 1_000_000_000),
    description: "More new dead letters of one group than this within ten minutes are a surge.",
    unit: "dead letters",
  },
  stalledSeconds: {
    variable: "NOTIFY_STALLED_SECONDS",
    fallback: "30",
    rule: integerBetween(1, 86_400),
    description: "How long a projector makes no progress before an alert fires.",
    unit: "seconds",
  },
  disconnectedSeconds: {
    variable: "NOTIFY_DISCONNECTED_SECONDS",
    fallback: "30",
    rule: integerBetween(1, 86_400),
    description: "How long a broker or the database is unavailable before an alert fires.",
    unit: "seconds",
  },
} satisfies Settings;
