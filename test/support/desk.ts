/** The operators' desk on a test database without a service: tests decide when redriven messages are projected. */
import type { AnyDomain } from "../../src/contract/domain.ts";
import { Jobs } from "../../src/database/jobs.ts";
import { Desk } from "../../src/deadletter/desk.ts";
import { stepBulkRedrive } from "../../src/deadletter/repair/bulk-redrive.ts";
import { Transformer } from "../../src/deadletter/transform/transformer.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { Wakeups } from "../../src/projector/wakeups.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { TestDatabase } from "./database.ts";
import { appendAll, projectAll } from "./engine.ts";
import { messageOf } from "./messages.ts";

export type TestDesk = Awaited<ReturnType<typeof openDesk>>;

/** @param domains known to the desk; those in `running` run here. */
export async function openDesk(
  database: TestDatabase,
  domains: readonly AnyDomain[] = [orders],
  running: readonly string[] = domains.map(({ name }) => name),
) {
  const jobs = new Jobs(database, createLogger("silent"));
  await jobs.start();
  const wakeups = new Wakeups(jobs);
  const context = {
    database,
    enqueueWakeup: (...wakeup: Parameters<Wakeups["enqueue"]>) => wakeups.enqueue(...wakeup),
    onAppended: () => {},
    transformer: new Transformer(1024 * 1024, createLogger("silent")),
  };
  const desk = new Desk({
    ...context,
    reads: database,
    domains,
    running,
    viewOf: async (domain, position) => `/${domain}/${position}`,
    jobs,
  });
  const project = () => projectAll(database, orders);
  return {
    desk,
    context,
    domain: orders,
    project,
    /** Appends and projects. @returns the positions. */
    receive: async (...payloads: (Buffer | string)[]) => {
      const { receipts } = await appendAll(
        database,
        payloads.map((payload) => messageOf(payload)),
      );
      await project();
      return receipts.map(({ position }) => position);
    },
    /** One step of a bulk redrive. */
    stepOnly: (id: bigint) => stepBulkRedrive(context, id),
    /** One step of a bulk redrive, and the projection of its messages. */
    step: async (id: bigint) => {
      const step = await stepBulkRedrive(context, id);
      await project();
      return step;
    },
    [Symbol.asyncDispose]: () => jobs.stop(),
  };
}

export const ANN = { author: "Ann", reason: "to see" } as const;
