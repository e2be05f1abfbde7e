/** A database value for a metric: a scrape cannot wait for a query. */
import type { Logger } from "../telemetry/logger.ts";

/** @returns a function that returns the last value and starts the next query. */
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
