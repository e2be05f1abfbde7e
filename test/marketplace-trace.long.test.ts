/** One trace of a checkout, as a real Jaeger returns it: from the caller over cart to loms, and into both inboxes. */
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

check(
  "goes from cart over loms into the inboxes of both, with parents and without personal data",
  async () => {
    await using world = await startWorld(() => {}, {
      ...jaeger?.environment,
      OTEL_TRACES_EXPORTER: "jaeger",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    });
    const { carts } = connectTo(world);
    await carts[0].itemAdd({ user: USER, sku: 1076963, count: 1 });
    const traceId = randomBytes(16).toString("hex");
    const callerId = randomBytes(8).toString("hex");
    const headers = { traceparent: `00-${traceId}-${callerId}-01` };
    await carts[0].checkout({ user: USER }, { headers });

    const wanted = [
      "marketplace.cart.v1.CartService/Checkout",
      "marketplace.loms.v1.LomsService/OrderCreate",
    ];
    const spans = await until("Jaeger has the calls and what they appended", async () => {
      const found = (await jaeger?.spansOf(traceId)) ?? [];
      const named = (name: string) => found.filter(({ operationName }) => operationName === name);
      // The spans of client and server, and a message in each inbox.
      const isComplete =
        wanted.every((name) => named(name).length > 0) &&
        named(wanted[1] as string).length === 2 &&
        named("project").length >= 3;
      return isComplete && found;
    });
    const [checkout] = spans.filter(({ operationName }) => operationName === wanted[0]);
    const orderCreates = spans.filter(({ operationName }) => operationName === wanted[1]);
    const [sent, served] = ["client", "server"].map((kind) =>
      orderCreates.find(({ tags }) => tags.some(({ key, value }) => key === "span.kind" && value === kind)),
    );
    assert.ok(checkout && sent && served);
    assert.is(parentOf(checkout), callerId, "the caller's span");
    assert.is(parentOf(sent), checkout.spanID, "cart calls loms within the checkout");
    assert.is(parentOf(served), sent.spanID, "loms answers that call");
    assert.is.not(sent.processID, served.processID);
    assert.not.match(JSON.stringify(spans), String(USER));
  },
);

tracing.after(() => jaeger?.[Symbol.asyncDispose]());

tracing.run();

function parentOf({ references }: JaegerSpan): string | undefined {
  return references.find(({ refType }) => refType === "CHILD_OF")?.spanID;
}

const USER = 7_310_451_117_203n;
