/** What is asked of the cart, whether checkouts end, and what the product cache spares. */
import { type Dashboard, quantiles } from "../../dashboards/panels.ts";

const OF = 'domain="cart"';

export const CART_DASHBOARD: Dashboard = {
  uid: "waybill-cart",
  title: "Waybill: cart",
  description: "What is asked of the cart, whether checkouts end, and what the product cache spares.",
  rows: {
    "What is asked?": [
      {
        title: "Commands by type",
        description: "Decided by all processes together.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_cart_commands_total{${OF}}[1m]))` },
      },
      {
        title: "Succeeded and declined",
        description: "A decline is an answer, no error; its share should be steady.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_cart_commands_total{${OF}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description: "insufficient_stock is everyday. A rise of another one is a client that has changed.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_cart_declines_total{${OF}}[1m])) > 0` },
      },
    ],
    "Do checkouts end?": [
      {
        title: "Open checkouts",
        description:
          "Those of calls under way are open for milliseconds. A growing number is an order service that is away.",
        unit: "short",
        queries: { open: `max(waybill_cart_open_checkouts{${OF}})` },
      },
      {
        title: "Oldest open checkout",
        description: "From a minute on something keeps it from ending: the log says what.",
        unit: "s",
        thresholds: [10, 60],
        queries: { oldest: `max(waybill_cart_oldest_open_checkout_seconds{${OF}})` },
      },
      {
        title: "Resumed in the background",
        description: "Checkouts whose process died or whose caller hung up. `open` is tried again.",
        unit: "reqps",
        queries: { "{{result}}": `sum by (result) (rate(waybill_cart_resumed_checkouts_total{${OF}}[1m]))` },
      },
    ],
    "What does the cache spare?": [
      {
        title: "Product cache lookups",
        description: "An error is a shard that does not answer; it is as good as a miss.",
        unit: "reqps",
        queries: {
          "{{result}}": `sum by (result) (rate(waybill_cart_product_cache_reads_total{${OF}}[1m]))`,
        },
      },
      {
        title: "Product cache duration",
        description: "A shard that hangs costs a tenth of a second, once.",
        unit: "s",
        thresholds: [0.01, 0.1],
        queries: quantiles("waybill_cart_product_cache_seconds", { labels: OF }),
      },
    ],
  },
};
