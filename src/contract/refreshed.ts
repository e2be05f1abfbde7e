/** A value of the database for a metric, which is read when Prometheus scrapes and cannot wait for an answer. */
import type { Logger } from "../telemetry/logger.ts";

/** @returns gives the last reading and begins the next one in the background; undefined until the first has ended. */
export function refreshed<Value>(read: () => Promise<Value>, logger: Logger): () => Value | undefined {
  let value: Value | undefined;
  let isReading = false;
  const refresh = async () => {
    isReading = true;
    try {
      value = await read();
    } catch (error) {
      logger.debug({ err: error }, "a metric could not be read from the database");
    }
    isReading = false;
  };
  return () => {
    if (!isReading) void refresh();
    return value;
  };
}
