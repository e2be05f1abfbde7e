/** One trace, as a real Jaeger returns it: from the caller over cart, loms, its outbox and Kafka into notifications. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connectTo } from "../tools/marketplace/clients.ts";
import { startWorld } from "../tools/marketplace/world.ts";
import { Jaeger, type JaegerSpan } from "../tools/stack/jaeger.ts";
import { findProgram } from "../tools/stack/kafka-program.ts";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { environment } from "./support/database.ts";
import { until } from "./support/wait.ts";

const tracing = suite("the trace of a checkout");
const jaeger = await Jaeger.start(join(environment("WAYBILL_TEST_FOLDER"), "jaeger"), () => {});
const check = checkIf(jaeger && findPgBouncer() && findRedis() && (await findProgram(() => {})), tracing);

check("goes through all services, with parents and links, and without personal data", async () => {
  await using world = await startWorld(() => {}, {
    ...jaeger?.environment,
    OTEL_TRACES_EXPORTER: "jaeger",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  });
  const { carts, loms } = connectTo(world);
  await carts[0].itemAdd({ user: USER, sku: 1076963, count: 1 });
  const traceId = randomBytes(16).toString("hex");
  const callerId = randomBytes(8).toString("hex");
  const headers = { traceparent: `00-${traceId}-${callerId}-01` };
  const { orderId } = await carts[0].checkout({ user: USER }, { headers });

  const trace = new Trace(traceId);
  // Cart stores the begin and the end of the checkout, loms one order, notifications its two changes.
  await trace.has({ cart: 2, loms: 1, notifications: CHANGES });
  const [checkout] = trace.spans("cart", "marketplace.cart.v1.CartService/Checkout");
  const orderCreate = "marketplace.loms.v1.LomsService/OrderCreate";
  const [sent] = trace.spans("cart", orderCreate);
  const [served] = trace.spans("loms", orderCreate);
  assert.equal([checkout, sent, served].map(kindOf), ["server", "client", "server"]);
  assert.is(parentOf(checkout), callerId, "the caller's span");
  assert.is(parentOf(sent), checkout?.spanID, "cart calls loms within the checkout");
  assert.is(parentOf(served), sent?.spanID, "loms answers that call");

  for (const [service, parent] of [
    ["cart", checkout],
    ["loms", served],
  ] as const)
    for (const receive of trace.spans(service, "receive")) {
      assert.is(parentOf(receive), parent?.spanID, "a command belongs to its call");
      assert.is(tagOf(receive, "messaging.system"), "http");
    }
  const [ordered] = trace.spans("loms", "receive");
  const sends = trace.spans("loms", "send");
  const received = trace.spans("notifications", "receive");
  assert.equal([sends.length, received.length], [CHANGES, CHANGES]);
  for (const span of [...sends, ...received]) {
    assert.is(parentOf(span), ordered?.spanID, "an event belongs to the command that caused it");
    assert.is(tagOf(span, "messaging.system"), "kafka");
    assert.is(tagOf(span, "messaging.destination.name"), "loms.order-events");
  }
  assert.equal(sends.map(kindOf), ["producer", "producer"]);
  assert.equal(received.map(kindOf), ["consumer", "consumer"]);

  const batches = new Set<string>();
  for (const service of SERVICES)
    for (const name of ["append", "project"])
      for (const span of trace.spans(service, name)) {
        assert.ok(
          trace.spans(service, "receive").some(({ spanID }) => spanID === parentOf(span)),
          `${name} of ${service} belongs to its receive`,
        );
        const link = linkOf(span);
        assert.ok(link && link.traceID !== traceId, `${name} of ${service} is linked with its batch`);
        batches.add(link.traceID);
      }
  const texts = [JSON.stringify(trace.all)];
  for (const batchId of batches) {
    const spans = await until("Jaeger has the batch", async () => {
      const found = (await jaeger?.spansOf(batchId)) ?? [];
      return found.some(({ operationName }) => operationName === "project batch") && found;
    });
    const append = spans.find(({ operationName }) => operationName === "append batch");
    assert.ok(
      append?.references.some((reference) => reference.traceID === traceId),
      "and the batch with it",
    );
    texts.push(JSON.stringify(spans));
  }
  assert.is((await loms.orderInfo({ orderId })).user, USER);
  for (const text of texts) assert.not.match(text, String(USER));
});

tracing.after(() => jaeger?.[Symbol.asyncDispose]());

tracing.run();

class Trace {
  readonly #id: string;
  all: readonly JaegerSpan[] = [];

  constructor(id: string) {
    this.#id = id;
  }

  /** Waits until Jaeger has so many projected messages of each service, and the sending of the events. */
  async has(messages: Readonly<Record<(typeof SERVICES)[number], number>>): Promise<void> {
    const shown = () => this.all.map(({ serviceName, operationName }) => `${serviceName} ${operationName}`);
    await until(
      () => `Jaeger has all messages; it has ${shown().join(", ")}`,
      async () => {
        this.all = (await jaeger?.spansOf(this.#id)) ?? [];
        const isThere = (service: string, name: string, count: number) =>
          this.spans(service, name).length >= count;
        return (
          SERVICES.every((service) =>
            ["receive", "append", "project"].every((name) => isThere(service, name, messages[service])),
          ) && isThere("loms", "send", CHANGES)
        );
      },
    );
  }

  spans(service: string, name: string): JaegerSpan[] {
    return this.all.filter((span) => span.serviceName === service && span.operationName === name);
  }
}

function parentOf(span: JaegerSpan | undefined): string | undefined {
  return span?.references.find(({ refType }) => refType === "CHILD_OF")?.spanID;
}

function linkOf({ references }: JaegerSpan) {
  return references.find(({ refType }) => refType === "FOLLOWS_FROM");
}

function tagOf(span: JaegerSpan | undefined, name: string): unknown {
  return span?.tags.find(({ key }) => key === name)?.value;
}

const kindOf = (span: JaegerSpan | undefined) => tagOf(span, "span.kind");

const SERVICES = ["cart", "loms", "notifications"] as const;
/** `new` and `awaiting payment`. */
const CHANGES = 2;
/** No part of an id, a time or a port. */
const USER = 7_310_451_117_203n;
