/** Loads the tracing SDK only if tracing is on. */
import type { TracingConfig } from "../config/config.ts";
import type { Logger } from "./logger.ts";
import type { Tracing } from "./tracing.ts";

export async function startTracing(
  config: TracingConfig | undefined,
  logger: Logger,
): Promise<Tracing | undefined> {
  if (!config) return undefined;
  const { Tracing: Started } = await import("./tracing.ts");
  const tracing = new Started(config, "waybill", logger);
  tracing.instrumentDatabase();
  return tracing;
}
