/** Commands, checkouts and product cache. */
import { type Dashboard, quantiles } from "../../dashboards/panels.ts";

const LABELS = 'domain="cart"';

export const CART_DASHBOARD: Dashboard = {
  uid: "waybill-cart",
  title: "Waybill: cart",
  description: "Commands of the cart, open checkouts, and the product cache.",
  rows: {
    Commands: [
      {
        title: "Commands by type",
        description: "Decided by all processes.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_cart_commands_total{${LABELS}}[1m]))` },
      },
      {
        title: "Succeeded and declined",
        description: "A decline is not an error; its share should be steady.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_cart_commands_total{${LABELS}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description: "insufficient_stock is normal. A rise of another reason points to a changed client.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_cart_declines_total{${LABELS}}[1m])) > 0` },
      },
    ],
    Checkouts: [
      {
        title: "Open checkouts",
        description:
          "A checkout is open for milliseconds. A growing number means that the order service is unavailable.",
        unit: "short",
        queries: { open: `max(waybill_cart_open_checkouts{${LABELS}})` },
      },
      {
        title: "Oldest open checkout",
        description: "Beyond a minute something prevents its completion; see the log.",
        unit: "s",
        thresholds: [10, 60],
        queries: { oldest: `max(waybill_cart_oldest_open_checkout_seconds{${LABELS}})` },
      },
      {
        title: "Resumed in the background",
        description: "Checkouts whose process died or whose caller disconnected. `open` is retried.",
        unit: "reqps",
        queries: {
          "{{result}}": `sum by (result) (rate(waybill_cart_resumed_checkouts_total{${LABELS}}[1m]))`,
        },
      },
    ],
    "Product cache": [
      {
        title: "Product cache lookups",
        description: "An error means that a shard did not answer; it counts as a miss.",
        unit: "reqps",
        queries: {
          "{{result}}": `sum by (result) (rate(waybill_cart_product_cache_reads_total{${LABELS}}[1m]))`,
        },
      },
      {
        title: "Product cache duration",
        description: "A hanging shard delays one lookup by a tenth of a second.",
        unit: "s",
        thresholds: [0.01, 0.1],
        queries: quantiles("waybill_cart_product_cache_seconds", { labels: LABELS }),
      },
    ],
  },
};
