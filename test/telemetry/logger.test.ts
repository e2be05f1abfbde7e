/** Log lines: one for each event, with its trace, without secrets or personal data. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { createDatabase } from "../support/database.ts";
import { auditOf, startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const logger = suite("logger");

/** The lines of a script that uses the service's logger. */
function linesOf(script: string): Record<string, unknown>[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", `import { createLogger } from "./src/telemetry/logger.ts";\n${script}`],
    { encoding: "utf8" },
  );
  assert.is(status, 0, stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

logger("a line within a span carries the ids of its trace, any other none", () => {
  const [within, outside] = linesOf(`
    import { context, trace } from "@opentelemetry/api";
    import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
    new NodeTracerProvider().register();
    const log = createLogger("info");
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const span = trace.wrapSpanContext({ traceId, spanId: "b7ad6b7169203331", traceFlags: 1 });
    context.with(trace.setSpan(context.active(), span), () => log.info("within"));
    log.info("outside");`);
  assert.is(within?.trace_id, "0af7651916cd43dd8448eb211c80319c");
  assert.is(within?.span_id, "b7ad6b7169203331");
  assert.is(outside?.trace_id, undefined);
});

logger("secrets are redacted, and an error is its name, message, stack and code alone", () => {
  const [line, failure] = linesOf(`
    const log = createLogger("info");
    log.info({ token: "t0ken", database: { password: "passw0rd" } }, "x");
    log.error({ err: Object.assign(new Error("broken"), { code: "23505", detail: "Key (name)=(Ann) exists" }) }, "y");`);
  assert.not(/t0ken|passw0rd/.test(JSON.stringify(line)));
  assert.not(/Ann/.test(JSON.stringify(failure)));
  assert.is((failure as { err?: { code: string } }).err?.code, "23505");
});

logger("no line holds any content of messages, and info has no line for a single message", async () => {
  await using database = await createDatabase();
  const service = await startAsProcess(database.serviceUrl, { LOG_LEVEL: "trace" });
  const before = (await readFile(service.logFile, "utf8")).split("\n").length;
  const factory = new OrderFactory(3);
  const orders = Array.from({ length: 60 }, () => factory.next());
  for (const order of orders) {
    const broken = toPayload({ ...order, sm_id: "seven" }).toString();
    await fetch(`${service.url}/orders`, { method: "POST", body: toPayload(order).toString() });
    await fetch(`${service.url}/orders`, { method: "POST", body: broken });
    await fetch(`${service.url}/deadletters?q=${encodeURIComponent(order.delivery.name)}`);
  }
  await until("all are processed", async () => (await auditOf(service.url)).pending === 0);
  await service.child.end("SIGTERM");
  const log = await readFile(service.logFile, "utf8");
  for (const { order_uid, delivery } of orders) {
    for (const value of [order_uid, delivery.name, delivery.phone, delivery.email, delivery.address]) {
      assert.not(log.includes(value), `${value} in the log`);
    }
  }
  const lines = log.trim().split("\n");
  for (const line of lines) assert.type(JSON.parse(line).msg, "string");
  assert.ok(lines.length - before < 20, `${lines.length - before} lines for 120 messages`);
});

logger.run();
